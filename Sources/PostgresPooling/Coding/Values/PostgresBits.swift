// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A `bit(n)` or `bit varying`: a row of bits, the first one at the left.
public struct PostgresBits: Hashable, Sendable {
    /// How many bits there are.
    public let count: Int

    /// The bits, eight to a byte, the first one in the highest place. The rest of the last byte is zero.
    public let bytes: [UInt8]

    /// The first `count` bits of bytes.
    ///
    /// - Returns: `nil` if there are not so many.
    public init?(bytes: [UInt8], count: Int) {
        guard 0...8 * bytes.count ~= count else { return nil }
        self.count = count
        var bytes = Array(bytes[..<((count + 7) / 8)])
        if count % 8 != 0 { bytes[bytes.count - 1] &= ~(0xFF >> UInt8(count % 8)) }
        self.bytes = bytes
    }

    /// The bits of a text of zeros and ones, such as `0101`.
    ///
    /// - Returns: `nil` if it has another character.
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

    /// Whether a bit is set.
    ///
    /// - Parameter index: Its index, from 0; must be less than ``count``.
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

    /// The bits as `varbit`, which the server takes for a `bit(n)` of the same length too.
    public var postgresParameter: PostgresParameter {
        guard let count = Int32(exactly: count) else { return .failure("there are more than 2,147,483,647 bits") }
        var content: [UInt8] = []
        content.append(bigEndian: count)
        return PostgresParameter(Self.postgresType, .bytes(content + bytes))
    }
}

extension PostgresBits: PostgresArrayDecodable {
    /// The value, if it is a `bit` or a `varbit`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if it is not.
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
