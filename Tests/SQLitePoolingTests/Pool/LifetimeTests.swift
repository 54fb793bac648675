// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct LifetimeTests {
    @Test("Connections are opened on demand, and closed with the pool")
    func statistics() async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(folder.file()))
        try await pool.execute("CREATE TABLE t (x)")
        #expect(pool.statistics.writer.createdAndClosed == [1, 0])
        #expect(pool.statistics.readers.createdAndClosed == [0, 0])
        for _ in 0..<10 { _ = try await pool.query("SELECT x FROM t", as: Int.self) }
        #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        #expect(pool.statistics.connectionsCreated == 2 && pool.statistics.readers.open == 1)
        await pool.close()
        #expect(pool.statistics.readers.createdAndClosed == [1, 1])
        #expect(pool.statistics.connectionsClosed == 2 && pool.statistics.writer.open == 0)
    }

    @Test("A closed pool refuses every call, and can be closed again")
    func closed() async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(folder.file()))
        try await pool.execute("CREATE TABLE t (x)")
        await pool.close()
        await pool.close()
        let reading = await #expect(throws: PoolError.self) {
            try await pool.read { _ in _ = Issue.record("the body ran") }
        }
        #expect(reading?.code == .closed)
        let writing = await #expect(throws: PoolError.self) { try await pool.execute("DELETE FROM t") }
        #expect(writing?.code == .closed)
    }

    @Test("Closing leaves the database in one file, with all committed data")
    func oneFile() async throws {
        let folder = try SampleFolder()
        try await withPool(in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            _ = try await pool.query("SELECT x FROM t", as: Int.self)
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(try folder.names == ["test.sqlite", "test.sqlite-shm", "test.sqlite-wal"])
        }
        #expect(try folder.names == ["test.sqlite"])
        try await withPool(in: folder) { pool in
            let numbers = try await pool.query("SELECT x FROM t", as: Int.self)
            #expect(numbers == [1])
        }
    }

    @Test("A body that runs while the pool is closed completes")
    func closedDuringBody() async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(folder.file()))
        try await pool.execute("CREATE TABLE t (x)")
        let meeting = Rendezvous()
        async let written: Void = pool.write { db in
            meeting.arrive()
            meeting.wait()
            try db.execute("INSERT INTO t VALUES (1)")
        }
        await meeting.arrived()
        await pool.close()
        meeting.release()
        try await written
        try await withPool(SQLiteConfiguration.with(mode: .readWrite), in: folder) { pool in
            let numbers = try await pool.query("SELECT x FROM t", as: Int.self)
            #expect(numbers == [1])
        }
    }

    @Test("A caller beyond the limit fails immediately, and the waiting one is served")
    func bounds() async throws {
        try await withPool(SQLiteConfiguration.with(maximumWaiters: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let meeting = Rendezvous()
            async let holder: Void = pool.write { _ in
                meeting.arrive()
                meeting.wait()
            }
            await meeting.arrived()
            async let waiter = pool.execute("INSERT INTO t VALUES (1)")
            while pool.writer.status.waiting == 0 { await Task.yield() }
            let error = await #expect(throws: PoolError.self) { try await pool.execute("DELETE FROM t") }
            #expect(error?.code == .tooManyWaiters && error?.pool == "\(pool.configuration.pool.name) writer")
            meeting.release()
            try await holder
            #expect(try await waiter.rowCount == 1)
        }
    }
}
