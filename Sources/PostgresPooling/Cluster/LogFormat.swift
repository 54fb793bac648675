// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The sizes of the pages and segments of a server's log.
struct LogFormat: Sendable {
    /// The size of a page, `wal_block_size`.
    var blockSize: UInt64 = 8_192

    /// The size of a segment, `wal_segment_size`.
    var segmentSize: UInt64 = 16 << 20

    /// Returns the end of the last record before an insert position.
    ///
    /// If the last record fills its page, the insert position is behind the header of the next
    /// page, and no standby gets there before the next record. The sizes of the headers are those
    /// of `xlog_internal.h`: 24 bytes, and 40 on the first page of a segment.
    func endOfRecord(_ position: PostgresLSN) -> PostgresLSN {
        guard blockSize > 0, segmentSize > 0 else { return position }
        let offset = position.rawValue % blockSize
        let header: UInt64 = position.rawValue % segmentSize < blockSize ? 40 : 24
        return offset == header ? PostgresLSN(rawValue: position.rawValue - offset) : position
    }
}
