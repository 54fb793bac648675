// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension StatementCache {
    /// What a statement is looked up by: its text, in the pieces that it was put together from, and the types of its parameters.
    ///
    /// Made for each statement that is run, and so without an array of its own: it holds the statement's pieces. A key that is
    /// stored has forgotten the parameters' values. The same text from other pieces has another key, and the same identity.
    struct Key: Hashable {
        private let pieces: [PostgresQuery.Piece]

        init(_ query: PostgresQuery) { self.init(pieces: query.pieces) }

        private init(pieces: [PostgresQuery.Piece]) { self.pieces = pieces }

        /// The types that the parameters' values have.
        var types: [UInt32] { pieces.compactMap { $0.parameter?.type.oid } }

        var withoutValues: Key { Key(pieces: pieces.map(\.withoutValue)) }

        /// The number of bytes that a statement with this key takes to remember.
        func byteCount(text: String) -> Int {
            text.utf8.count + pieces.count * MemoryLayout<PostgresQuery.Piece>.stride
        }

        static func == (one: Key, other: Key) -> Bool {
            let count = one.pieces.count
            guard count == other.pieces.count else { return false }
            // By index, here and below: an iterator would count references to the array.
            for index in 0..<count where !one.pieces[index].isSame(as: other.pieces[index]) { return false }
            return true
        }

        func hash(into hasher: inout Hasher) { for index in pieces.indices { pieces[index].hash(into: &hasher) } }
    }
}

extension PostgresQuery.Piece {
    fileprivate var withoutValue: PostgresQuery.Piece {
        switch self {
        case .literal, .text: self
        case .parameter(let parameter): .parameter(.null(parameter.type))
        case .numbered(let parameter): .numbered(.null(parameter.type))
        }
    }

    /// Whether it makes the same text, and the same types.
    fileprivate func isSame(as other: PostgresQuery.Piece) -> Bool {
        switch (self, other) {
        case (.literal(let one), .literal(let other)): one.isSame(as: other)
        case (.text(let one), .text(let other)): ExactText(one) == ExactText(other)
        case (.parameter(let one), .parameter(let other)), (.numbered(let one), .numbered(let other)):
            one.type == other.type
        default: false
        }
    }

    fileprivate func hash(into hasher: inout Hasher) {
        switch self {
        case .literal(let text): text.withUTF8Buffer { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        case .text(let text): hasher.combine(ExactText(text))
        case .parameter(let parameter), .numbered(let parameter): hasher.combine(parameter.type)
        }
    }
}

extension StaticString {
    /// Whether each byte is the same; known at once for the same literal.
    fileprivate func isSame(as other: StaticString) -> Bool {
        withUTF8Buffer { one in
            other.withUTF8Buffer { other in
                unsafe one.count == other.count && (one.baseAddress == other.baseAddress || one.elementsEqual(other))
            }
        }
    }
}
