// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The notices that have arrived with an answer, up to a size.
struct ReceivedNotices {
    /// The number of bytes after which further notices of an answer are not kept.
    static var byteCapacity: Int { 65_536 }

    private var notices: [PostgresError.ServerFields] = []
    private var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    mutating func append(_ notice: PostgresError.ServerFields) {
        if byteCount >= ReceivedNotices.byteCapacity { return }
        byteCount += notice.byteCount
        // A larger one ends the collection, too: what is kept has no gap.
        if byteCount <= ReceivedNotices.byteCapacity { notices.append(notice) }
    }

    mutating func take() -> [PostgresError.ServerFields] {
        defer { self = ReceivedNotices() }
        return notices
    }
}

extension PostgresError.ServerFields {
    /// The approximate number of bytes in memory.
    fileprivate var byteCount: Int {
        let texts = [fullMessage, message, detail, hint, internalQuery, context, schema, table, column, constraint]
        return texts.reduce(MemoryLayout<Self>.size) { $0 + ($1?.utf8.count ?? 0) }
    }
}
