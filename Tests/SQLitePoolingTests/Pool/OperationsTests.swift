// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct OperationsTests {
    @Test("The status and the snapshot are the sums of the readers and the writer")
    func sums() async throws {
        try await withPool(.with(maximumReaders: 2)) { pool in
            #expect(pool.status == PoolStatus(maximum: 3))
            try await pool.execute("CREATE TABLE t (x)")
            _ = try await pool.query("SELECT x FROM t", as: Int.self)
            await expectNoLeases(pool)
            #expect(pool.status == PoolStatus(maximum: 3, idle: 2))
            let snapshot = pool.snapshot
            #expect(snapshot.status == pool.status && snapshot.counters.created == 2)
            #expect(snapshot.counters.acquired == 2 && snapshot.oldestLease == nil)
        }
    }

    @Test("A suspended pool runs no body until it is resumed")
    func suspension() async throws {
        try await withPool(.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            await expectNoLeases(pool)
            pool.suspend()
            #expect(pool.state == .suspended)
            async let count = pool.write { db in try db.execute("INSERT INTO t VALUES (1)").rowCount }
            async let read = pool.query("SELECT 1", as: Int.self)
            while pool.status.waiting < 2 { await Task.yield() }
            pool.resume()
            #expect(try await count == 1)
            #expect(try await read == [1])
            #expect(pool.state == .accepting)
        }
    }

    @Test("Evicted connections are replaced, and the database of the pool stays", arguments: [":memory:", "file"])
    func eviction(location: String) async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(location == "file" ? folder.file() : location))
        try await pool.execute("CREATE TABLE t AS SELECT 7 AS x")
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [7])
        await expectNoLeases(pool)
        pool.evictAll()
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [7])
        try await pool.execute("INSERT INTO t VALUES (8)")
        #expect(pool.statistics.writer.created == 2 && pool.snapshot.counters.created == 4)
        await pool.close()
        #expect(pool.state == .closed)
    }

    @Test("Prewarming opens the readers and the writer, and reports the error of opening")
    func prewarming() async throws {
        var configuration = SQLiteConfiguration.with(maximumReaders: 3)
        configuration.pool.minimumConnections = 2
        try await withPool(configuration) { pool in
            try await pool.prewarm(timeout: .seconds(600))
            #expect(pool.statistics.writer.open == 1 && pool.statistics.readers.open >= 2)
        }
        let folder = try SampleFolder()
        let missing = try SQLitePool(.with(mode: .readWrite).at(folder.file()))
        let error = try await sqliteError { try await missing.prewarm(timeout: .seconds(600)) }
        #expect(error.code == .cannotOpen && error.category == .unavailable)
        await missing.close()
    }

    @Test("The number of readers changes at run time, and with it the detection of deadlocks")
    func resizing() async throws {
        try await withPool(.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try pool.resize(to: 2)
            #expect(pool.status.maximum == 3)
            // A nested read has a reader of its own.
            let nested = try await pool.read { db in
                try pool.readBlocking { db in try db.queryFirst("SELECT 1", as: Int.self) }
            }
            #expect(nested == 1)
            await expectNoLeases(pool)
            try pool.resize(to: 1)
            let error = try await sqliteError {
                _ = try await pool.read { db in
                    try pool.readBlocking { db in try db.queryFirst("SELECT 1", as: Int.self) }
                }
            }
            #expect(error.code == .deadlock)
            #expect(throws: PoolError.self) { try pool.resize(to: 0) }
        }
    }

    @Test("checkoutTimeout limits the wait for a connection, and not the body")
    func checkoutTimeout() async throws {
        try await withPool(.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let holder = Rendezvous()
            async let held: Void = pool.write(checkoutTimeout: .seconds(600)) { _ in
                holder.arrive()
                holder.wait()
            }
            await holder.arrived()
            let error = await #expect(throws: PoolError.self) {
                try await pool.write(checkoutTimeout: .milliseconds(1)) { db in try db.execute("DELETE FROM t") }
            }
            #expect(error?.code == .timedOut && error?.category == .busy)
            holder.release()
            try await held
            try await pool.write(checkoutTimeout: .seconds(600)) { db in try db.execute("DELETE FROM t") }
        }
    }

    @Test("A script of the pool is one transaction, and needs no result")
    func script() async throws {
        try await withPool { pool in
            try await pool.executeScript("CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1)")
            let error = try await sqliteError {
                try await pool.executeScript("INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)")
            }
            #expect(error.code == .constraintUnique && error.offset == nil)
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            let parameters = try await sqliteError {
                try await pool.executeScript(SQLiteQuery("DELETE FROM t WHERE x = :x", named: ["x": 1]))
            }
            #expect(parameters.code == .parameterCount)
        }
        try await withPool(.with(mode: .readOnly)) { pool in
            let error = try await sqliteError { try await pool.executeScript("SELECT 1") }
            #expect(error.code == .readOnly)
        }
    }
}
