// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

extension PlannerStatisticsTests {
    @Test("A closing reader passes on the tables that its planner wants")
    func closedReader() async throws {
        try await withTables { pool, clock in
            try await queryBoth(pool)
            // Makes the pool replace the connection.
            _ = try await pool.read { db in try db.execute("ATTACH ':memory:' AS x") }
            while pool.statistics.readers.closed == 0 { await Task.yield() }
            clock.advance(seconds: 3_600)
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool).contains("t"))
        }
    }

    @Test(
        "Without an interval, statistics are refreshed only on close, and only if the configuration allows it",
        arguments: [false, true]
    )
    func withoutInterval(optimizesOnClose: Bool) async throws {
        let folder = try SampleFolder()
        var configuration = Self.configuration
        configuration.optimizeInterval = nil
        configuration.optimizesOnClose = optimizesOnClose
        try await withTables(configuration, in: folder) { pool, clock in
            try await queryBoth(pool)
            try await callWriter(pool)
            clock.advance(seconds: 1_000_000)
            try await queryBoth(pool)
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool) == [])
        }
        try await withPool(in: folder) { pool, _ in
            let tables = try await analysed(pool)
            #expect(tables.contains("t") == optimizesOnClose)
        }
    }

    @Test("A pool for an untrusted file refreshes nothing")
    func untrusted() async throws {
        let folder = try SampleFolder()
        var configuration = Self.configuration
        configuration.trust = .untrusted
        try await withTables(configuration, in: folder) { pool, clock in
            try await queryBoth(pool)
            try await callWriter(pool)
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            try await callWriter(pool)
        }
        try await withPool(in: folder) { pool, _ in
            let tables = try await analysed(pool)
            #expect(tables == [])
        }
    }

    @Test("A read-only pool collects nothing", arguments: [SQLiteConfiguration.Mode.readOnly, .immutable])
    func readOnly(mode: SQLiteConfiguration.Mode) async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run(Self.schema)
        var configuration = Self.configuration
        configuration.mode = mode
        try await withPool(configuration, in: folder) { pool, clock in
            try await queryBoth(pool)
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            #expect(pool.file.statistics == nil)
        }
    }
}
