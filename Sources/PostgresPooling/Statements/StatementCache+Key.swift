// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension StatementCache {
    /// The key of a statement: its text, as the pieces that it was built from, and the types of
    /// its parameters.
    ///
    /// A key is made for each statement that is run, so it has no array of its own: it shares the
    /// statement's pieces. A stored key contains no parameter values. The same text from other
    /// pieces has another key but the same identity.
    struct Key: Hashable {
        private let pieces: [PostgresQuery.Piece]

        init(_ query: PostgresQuery) { self.init(pieces: query.pieces) }

        private init(pieces: [PostgresQuery.Piece]) { self.pieces = pieces }

        /// The types of the parameters' values.
        var types: [UInt32] { pieces.compactMap { $0.parameter?.type.oid } }

        var withoutValues: Key { Key(pieces: pieces.map(\.withoutValue)) }

        /// Returns the number of bytes that a statement with this key uses in the cache.
        func byteCount(text: String) -> Int {
            text.utf8.count + pieces.count * MemoryLayout<PostgresQuery.Piece>.stride
        }

        static func == (one: Key, other: Key) -> Bool {
            let count = one.pieces.count
            guard count == other.pieces.count else { return false }
            // By index, here and below: an iterator would retain the array.
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

    /// Returns whether both pieces yield the same text and the same types.
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
    /// Returns whether all bytes are equal. O(1) for the same literal.
    fileprivate func isSame(as other: StaticString) -> Bool {
        withUTF8Buffer { one in
            other.withUTF8Buffer { other in
                unsafe one.count == other.count && (one.baseAddress == other.baseAddress || one.elementsEqual(other))
            }
        }
    }
}

/// The identity of a statement on every connection: 128 bits of a hash of its text and its
/// parameters' types.
///
/// A pooler may run a prepared statement in a session where another client has prepared
/// statements. A name must therefore never denote two statements, so it is derived from this
/// identity.
struct StatementIdentity: Hashable, Sendable {
    private let words: [UInt32]

    /// Computes the identity of a statement.
    ///
    /// - Parameters:
    ///   - text: The text of the statement, which has no NUL character.
    ///   - types: The object identifiers of the types that its parameters are sent with.
    /// - Complexity: O(length of `text`).
    init(text: String, types: [UInt32]) {
        var hash = SHA256()
        hash.update(text.utf8)
        // Terminates the text, so that no text with types equals another text.
        hash.update(CollectionOfOne(0))
        for type in types { hash.update((0..<4).map { UInt8(truncatingIfNeeded: type >> (24 - 8 * $0)) }) }
        words = Array(hash.finalize().prefix(4))
    }

    /// The name of the prepared statement: `lockpool_` and 32 hexadecimal digits.
    var name: String {
        words.reduce(into: "lockpool_") { name, word in
            let digits = String(word, radix: 16)
            name += String(repeating: "0", count: 8 - digits.count) + digits
        }
    }
}
