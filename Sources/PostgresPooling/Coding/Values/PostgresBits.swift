// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A string of bits: PostgreSQL's `bit(n)` or `bit varying`. The first bit is the leftmost one.
public struct PostgresBits: Hashable, Sendable {
    /// The number of bits.
    public let count: Int

    /// The bits, eight per byte, the first one in the most significant position. The rest of the
    /// last byte is zero.
    public let bytes: [UInt8]

    /// Creates a bit string from the first `count` bits of bytes.
    ///
    /// - Returns: `nil` if there are fewer.
    public init?(bytes: [UInt8], count: Int) {
        guard 0...8 * bytes.count ~= count else { return nil }
        self.count = count
        var bytes = Array(bytes[..<((count + 7) / 8)])
        if count % 8 != 0 { bytes[bytes.count - 1] &= ~(0xFF >> UInt8(count % 8)) }
        self.bytes = bytes
    }

    /// Parses zeros and ones, such as `0101`.
    ///
    /// - Returns: `nil` if the text contains another character.
    public init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.allSatisfy({ $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") }) else { return nil }
        var bytes = [UInt8](repeating: 0, count: (digits.count + 7) / 8)
        for (index, digit) in digits.enumerated() where digit == UInt8(ascii: "1") {
            bytes[index / 8] |= 0x80 >> UInt8(index % 8)
        }
        count = digits.count
        self.bytes = bytes
    }

    /// Returns whether a bit is set.
    ///
    /// - Parameter index: The index of the bit, from 0; must be less than ``count``.
    public subscript(index: Int) -> Bool {
        precondition(0..<count ~= index, "There is no bit \(index) in \(count).")
        return bytes[index / 8] & 0x80 >> UInt8(index % 8) != 0
    }
}

extension PostgresBits: CustomStringConvertible {
    /// The bits as zeros and ones.
    public var description: String { (0..<count).reduce(into: "") { $0 += self[$1] ? "1" : "0" } }
}

extension PostgresBits: PostgresArrayEncodable {
    /// `varbit`
    public static var postgresType: PostgresType { PostgresType(oid: 1562) }

    /// The bits as `varbit`, which the server also accepts for a `bit(n)` of the same length.
    public var postgresParameter: PostgresParameter {
        guard let count = Int32(exactly: count) else { return .failure("there are more than 2,147,483,647 bits") }
        var content: [UInt8] = []
        content.append(bigEndian: count)
        return PostgresParameter(Self.postgresType, .bytes(content + bytes))
    }
}

extension PostgresBits: PostgresArrayDecodable {
    /// Decodes a `bit` or a `varbit`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is of another type.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        var reader = try unsafe ByteReader(cell.value(for: "PostgresBits"))
        guard cell.type == Self.postgresType || cell.type == PostgresType(oid: 1560) else {
            throw cell.mismatch("PostgresBits needs bit or varbit")
        }
        guard
            let count = reader.integer(Int32.self), reader.count == (Int(count) + 7) / 8,
            let bytes = unsafe reader.bytes(reader.count),
            let bits = unsafe PostgresBits(bytes: Array(bytes), count: Int(count))
        else { throw cell.malformed }
        self = bits
    }
}
