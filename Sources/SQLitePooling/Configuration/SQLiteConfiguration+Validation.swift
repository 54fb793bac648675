// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLiteConfiguration {
    /// Checks whether the configuration is valid for a pool.
    ///
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration`, whose message names the
    ///   field.
    func validate() throws(SQLiteError) {
        do {
            try pool.validate()
        } catch {
            // The pool's message begins with its name.
            let reason = "\(error)".replacing("Pool “\(pool.name)”: ", with: "", maxReplacements: 1)
            throw SQLiteError(.invalidConfiguration, "pool." + reason)
        }
        try Self.check("busyTimeout", busyTimeout, .zero ... .seconds(86_400))
        try Self.check("cacheSizeKiB", cacheSizeKiB, 0...16_777_216)
        try Self.check("mmapSizeBytes", mmapSizeBytes, 0...Int.max)
        try Self.check("statementCacheCapacity", statementCacheCapacity, 0...10_000)
        try Self.check("maximumWritesPerCommit", maximumWritesPerCommit, 1...10_000)
        try Self.check("maximumReadDuration", maximumReadDuration ?? .zero, .zero ... .seconds(86_400))
        if let optimizeInterval {
            try Self.check("optimizeInterval", optimizeInterval, .seconds(1) ... .seconds(31 * 86_400))
        }
        try checkpoints.validate()
        try validateTrust()
        try validateFilePermissions()
        if case .text(let digits) = dates {
            try Self.check("dates: fractionalDigits", digits.lowerBound, 0...9)
            try Self.check("dates: fractionalDigits", digits.upperBound, 0...9)
        }
        for pragma in pragmas { try Self.check(pragma) }
        try validateFunctions()
    }

    private static func check(_ pragma: Pragma) throws(SQLiteError) {
        if let owner = owners[pragma.name.lowercased()] {
            throw SQLiteError(.invalidConfiguration, "pragmas must not contain \(pragma.name), which is \(owner)")
        }
        let isName = !pragma.name.isEmpty && pragma.name.utf8.allSatisfy { isPartOfWord($0) }
        guard isName, isValue(pragma.value) else {
            throw SQLiteError(
                .invalidConfiguration,
                "pragmas must have a word as their name, and a word, a number or text in single quotes as their value"
            )
        }
    }

    /// The pragmas that the pool or another field sets, and the reason.
    private static let owners = [
        "journal_mode": "set by the pool, which needs a write-ahead log",
        "locking_mode": "set by the pool, which has several connections",
        "query_only": "set by the pool", "read_uncommitted": "set by the pool",
        "writable_schema": "not for every connection",
        "busy_timeout": "the field busyTimeout", "cache_size": "the field cacheSizeKiB",
        "foreign_keys": "the field foreignKeys", "mmap_size": "the field mmapSizeBytes",
        "synchronous": "the field synchronous", "wal_autocheckpoint": "the field checkpoints.interval",
        "journal_size_limit": "the field checkpoints.retainedLogBytes",
    ]

    static func isPartOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isValue(_ value: String) -> Bool {
        guard let first = value.utf8.first, !value.utf8.contains(0) else { return false }
        if first == UInt8(ascii: "'") {
            // Single quotes within the text are doubled.
            let text = value.dropFirst().dropLast()
            return value.utf8.count >= 2 && value.hasSuffix("'") && !text.replacing("''", with: "").contains("'")
        }
        let digits = first == UInt8(ascii: "-") || first == UInt8(ascii: "+") ? value.utf8.dropFirst() : value.utf8[...]
        return !digits.isEmpty && digits.allSatisfy { isPartOfWord($0) || $0 == UInt8(ascii: ".") }
    }

    static func check<Value>(
        _ field: String,
        _ value: Value,
        _ range: ClosedRange<Value>
    ) throws(SQLiteError) {
        guard !range.contains(value) else { return }
        throw SQLiteError(
            .invalidConfiguration,
            "\(field) must be from \(range.lowerBound) to \(range.upperBound), not \(value)"
        )
    }
}
