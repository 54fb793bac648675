// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresQuery {
    /// Returns the statement with parameters of other types.
    ///
    /// - Parameters:
    ///   - types: The types of all parameters, from ``TypeSearch``.
    ///   - text: The text of the statement, which the caller has built.
    func converted(to types: [UInt32], text: String) -> PostgresQuery {
        var query = PostgresQuery(
            unsafe: text,
            parameters: zip(parameters, types).map { $0.converted(to: PostgresType(oid: $1)) }
        )
        query.hasTextResults = hasTextResults
        return query
    }
}

extension PostgresParameter {
    /// Returns the value as another type. Sending a value that the type cannot represent fails.
    fileprivate func converted(to type: PostgresType) -> PostgresParameter {
        if type == self.type { return self }
        switch content {
        case .null: return .null(type)
        case .short(let word, _, count: 8) where self.type == .int8 && type == .int4:
            guard let number = Int32(exactly: Int64(bitPattern: word)) else {
                return .failure("the integer is out of the range of the type integer, which the server expects")
            }
            return .fixed(.int4, number)
        case .text: return PostgresParameter(type, content)
        case .bytes(let bytes) where self.type == PostgresType.text.arrayType && type == .unspecified:
            // A value that is no array stays unchanged, and the server reports the error.
            return ArrayLiteral.text(of: bytes).map { PostgresParameter(type, .text($0)) } ?? self
        case .short, .bytes, .failure, .structure: return self
        }
    }
}

/// The text format of an array of texts, such as `{"a","b"}`.
enum ArrayLiteral {
    /// Returns the literal for an array in binary format; `nil` if the bytes are malformed.
    /// O(number of bytes).
    static func text(of binary: [UInt8]) -> String? {
        var reader = Reader(bytes: binary[...])
        guard let dimensions = reader.number(), 0...6 ~= dimensions, reader.skip(8) else { return nil }
        if dimensions == 0 { return reader.bytes.isEmpty ? "{}" : nil }
        var sizes: [Int] = []
        for _ in 0..<dimensions {
            guard let size = reader.number(), size >= 0, reader.skip(4) else { return nil }
            sizes.append(size)
        }
        var literal: [UInt8] = []
        guard append(sizes[...], from: &reader, to: &literal), reader.bytes.isEmpty else { return nil }
        return String(validating: literal, as: UTF8.self)
    }

    private static func append(_ sizes: ArraySlice<Int>, from reader: inout Reader, to literal: inout [UInt8]) -> Bool {
        guard let size = sizes.first else { return appendElement(from: &reader, to: &literal) }
        literal.append(UInt8(ascii: "{"))
        for index in 0..<size {
            if index > 0 { literal.append(UInt8(ascii: ",")) }
            guard append(sizes.dropFirst(), from: &reader, to: &literal) else { return false }
        }
        literal.append(UInt8(ascii: "}"))
        return true
    }

    private static func appendElement(from reader: inout Reader, to literal: inout [UInt8]) -> Bool {
        guard let count = reader.number() else { return false }
        if count < 0 {
            literal += "NULL".utf8
            return true
        }
        guard let bytes = reader.take(count) else { return false }
        literal.append(UInt8(ascii: "\""))
        for byte in bytes {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { literal.append(UInt8(ascii: "\\")) }
            literal.append(byte)
        }
        literal.append(UInt8(ascii: "\""))
        return true
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard bytes.count >= count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        mutating func skip(_ count: Int) -> Bool { take(count) != nil }

        mutating func number() -> Int? {
            take(4).map { Int($0.reduce(Int32(0)) { $0 << 8 | Int32($1) }) }
        }
    }
}
