// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConfiguration {
    /// Looks whether a pool can be made from this.
    ///
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration`, whose message names the field.
    public func validate() throws(SQLiteError) {
        try Self.check("maximumReaders", maximumReaders, 1...1_000)
        try Self.check("busyTimeout", busyTimeout, .zero ... .seconds(86_400))
        try Self.check("cacheSizeKiB", cacheSizeKiB, 0...16_777_216)
        try Self.check("mmapSizeBytes", mmapSizeBytes, 0...Int.max)
        try Self.check("checkoutTimeout", checkoutTimeout, .zero ... .seconds(86_400))
        try Self.check("maximumWaiters", maximumWaiters, 1...100_000)
        try Self.check("statementCacheCapacity", statementCacheCapacity, 0...10_000)
    }

    private static func check<Value>(
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

    /// Looks whether a path is one that every connection can open.
    static func validate(path: String) throws(SQLiteError) {
        guard !path.isEmpty else {
            throw SQLiteError(.invalidConfiguration, "path must not be empty: a temporary database cannot be shared")
        }
        guard !path.utf8.contains(0) else {
            throw SQLiteError(.nulCharacter, "path has a NUL character in it")
        }
        guard path != ":memory:" else {
            throw SQLiteError(
                .invalidConfiguration,
                "path must be a file's: of a database in memory each connection would have its own"
            )
        }
        guard !path.hasPrefix("file:") else {
            throw SQLiteError(
                .invalidConfiguration,
                "path must be a plain path, not a URI; put ./ before the name of a file that begins so"
            )
        }
    }
}
