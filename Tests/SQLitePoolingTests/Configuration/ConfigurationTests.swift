// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct ConfigurationTests {
    @Test("The default configuration is valid, and making a pool touches no file")
    func defaults() throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(folder.file())
        #expect(pool.path == folder.file())
        #expect(pool.configuration.location == .path(folder.file()))
        var expected = SQLiteConfiguration().pool
        // An unnamed pool has a number in its name.
        expected.name = pool.configuration.pool.name
        #expect(pool.configuration.pool == expected)
        #expect(pool.statistics.connectionsCreated == 0)
        #expect(try folder.names == [])
    }

    @Test(
        "A field out of its range is an error that names the field",
        arguments: [
            ("pool.maximumConnections", SQLiteConfiguration.with(maximumReaders: 0)),
            ("pool.maximumConnections", SQLiteConfiguration.with(maximumReaders: 100_001)),
            ("busyTimeout", SQLiteConfiguration.with(busyTimeout: .seconds(-1))),
            ("cacheSizeKiB", SQLiteConfiguration.with(cacheSizeKiB: -1)),
            ("mmapSizeBytes", SQLiteConfiguration.with(mmapSizeBytes: -1)),
            ("pool.checkoutTimeout", SQLiteConfiguration.with(checkoutTimeout: .nanoseconds(-1))),
            ("pool.maximumWaiters", SQLiteConfiguration.with(maximumWaiters: 0)),
            ("statementCacheCapacity", SQLiteConfiguration.with(statementCacheCapacity: 10_001)),
        ]
    )
    func ranges(field: String, configuration: SQLiteConfiguration) {
        let error = #expect(throws: SQLiteError.self) { try SQLitePool(configuration.at("x.sqlite")) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.hasPrefix(field + " must ") == true)
    }

    @Test("Any valid configuration of a pool is accepted, and the writer's pool has one connection")
    func anyPoolConfiguration() async throws {
        var configuration = SQLiteConfiguration()
        configuration.pool = ConnectionPoolConfiguration(
            minimumConnections: 3,
            minimumIdleConnections: 2,
            checkoutTimeout: .seconds(600)
        )
        let pool = try SQLitePool(configuration)
        #expect(pool.configuration.pool.name.hasPrefix("SQLite"))
        #expect(pool.status == PoolStatus(maximum: 11, minimum: 4))
        try await pool.execute("CREATE TABLE t AS SELECT 7 AS x")
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [7])
        await pool.close()
    }

    @Test("A relative path is resolved against the working directory")
    func relativePath() throws {
        let pool = try SQLitePool("x.sqlite")
        #expect(pool.path.hasPrefix("/") && pool.path.hasSuffix("/x.sqlite"))
    }

    @Test("Each connection has the settings of the configuration")
    func settings() async throws {
        let configuration = SQLiteConfiguration.with(
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
