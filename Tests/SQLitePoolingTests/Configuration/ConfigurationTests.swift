// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ConfigurationTests {
    @Test("The default configuration is valid, and making a pool touches no file")
    func defaults() throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(path: folder.file())
        #expect(pool.path == folder.file())
        var expected = SQLiteConfiguration()
        // An unnamed pool has a number in its name.
        expected.name = pool.configuration.name
        #expect(pool.configuration == expected)
        #expect(pool.statistics.connectionsCreated == 0)
        #expect(try folder.names == [])
    }

    @Test(
        "A field out of its range is an error that names the field",
        arguments: [
            ("maximumReaders", SQLiteConfiguration(maximumReaders: 0)),
            ("maximumReaders", SQLiteConfiguration(maximumReaders: 1_001)),
            ("busyTimeout", SQLiteConfiguration(busyTimeout: .seconds(-1))),
            ("cacheSizeKiB", SQLiteConfiguration(cacheSizeKiB: -1)),
            ("mmapSizeBytes", SQLiteConfiguration(mmapSizeBytes: -1)),
            ("checkoutTimeout", SQLiteConfiguration(checkoutTimeout: .nanoseconds(-1))),
            ("maximumWaiters", SQLiteConfiguration(maximumWaiters: 0)),
            ("statementCacheCapacity", SQLiteConfiguration(statementCacheCapacity: 10_001)),
        ]
    )
    func ranges(field: String, configuration: SQLiteConfiguration) {
        let error = #expect(throws: SQLiteError.self) { try SQLitePool(path: "x.sqlite", configuration: configuration) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.hasPrefix(field + " must be from ") == true)
    }

    @Test("A relative path is resolved against the working directory")
    func relativePath() throws {
        let pool = try SQLitePool(path: "x.sqlite")
        #expect(pool.path.hasPrefix("/") && pool.path.hasSuffix("/x.sqlite"))
    }

    @Test("Each connection has the settings of the configuration")
    func settings() async throws {
        let configuration = SQLiteConfiguration(
            synchronous: .full,
            foreignKeys: false,
            cacheSizeKiB: 123,
            mmapSizeBytes: 1 << 20
        )
        try await withPool(configuration) { pool in
            let writer = try await pool.write { db in
                [
                    try db.query("PRAGMA synchronous", as: Int.self), try db.query("PRAGMA foreign_keys", as: Int.self),
                    try db.query("PRAGMA cache_size", as: Int.self), try db.query("PRAGMA mmap_size", as: Int.self),
                ]
            }
            #expect(writer == [[2], [0], [-123], [1 << 20]])
            let reader = try await pool.read { db in
                [
                    try db.query("PRAGMA query_only", as: Int.self), try db.query("PRAGMA cache_size", as: Int.self),
                    try db.query("PRAGMA mmap_size", as: Int.self),
                ]
            }
            #expect(reader == [[1], [-123], [1 << 20]])
        }
    }
}
