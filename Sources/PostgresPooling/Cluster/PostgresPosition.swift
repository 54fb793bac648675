// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A position in the write-ahead log of a PostgreSQL server, such as `16/B374D848`.
///
/// Everything that was committed before a position has been read is visible on each standby that
/// has replayed the log up to it.
public struct PostgresPosition: Hashable, Comparable, Sendable, LosslessStringConvertible {
    /// The number of bytes of the log before the position.
    public let rawValue: UInt64

    /// Creates the position after a number of bytes.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Creates a position from PostgreSQL's format: two hexadecimal numbers of up to 8 digits with
    /// a slash in between. `nil` for another text.
    public init?(_ description: String) {
        let halves = description.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let high = Self.number(halves[0]), let low = Self.number(halves[1]) else { return nil }
        rawValue = UInt64(high) << 32 | UInt64(low)
    }

    private static func number(_ digits: Substring) -> UInt32? {
        digits.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") } ? UInt32(digits, radix: 16) : nil
    }

    /// The position in PostgreSQL's format.
    public var description: String {
        "\(String(rawValue >> 32, radix: 16, uppercase: true))/\(String(rawValue & 0xffff_ffff, radix: 16, uppercase: true))"
    }

    /// Returns the end of the last record before an insert position.
    ///
    /// If the last record fills its page, the insert position is behind the header of the next
    /// page, and no standby gets there before the next record. The sizes of the headers are those
    /// of `xlog_internal.h`: 24 bytes, and 40 on the first page of a segment.
    ///
    /// - Parameters:
    ///   - blockSize: The size of a page, `wal_block_size`.
    ///   - segmentSize: The size of a segment, `wal_segment_size`.
    func endOfRecord(blockSize: UInt64, segmentSize: UInt64) -> PostgresPosition {
        guard blockSize > 0, segmentSize > 0 else { return self }
        let offset = rawValue % blockSize
        let header: UInt64 = rawValue % segmentSize < blockSize ? 40 : 24
        return offset == header ? PostgresPosition(rawValue: rawValue - offset) : self
    }

    public static func < (one: PostgresPosition, other: PostgresPosition) -> Bool { one.rawValue < other.rawValue }
}

/// Codes a position as text in PostgreSQL's format.
extension PostgresPosition: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let position = PostgresPosition(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a position in the log: \(text)")
        }
        self = position
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// The sizes of the pages and segments of a server's log.
struct LogFormat: Sendable {
    var blockSize: UInt64 = 8_192
    var segmentSize: UInt64 = 16 << 20

    func endOfRecord(_ position: PostgresPosition) -> PostgresPosition {
        position.endOfRecord(blockSize: blockSize, segmentSize: segmentSize)
    }
}
