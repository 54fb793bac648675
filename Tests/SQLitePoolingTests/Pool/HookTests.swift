// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct HookTests {
    /// Counts the calls of hooks.
    private final class Calls: Sendable {
        private let calls = Mutex<[String]>([])

        func note(_ call: String) { calls.withLock { $0.append(call) } }
        func count(_ call: String) -> Int { calls.withLock { $0.count { $0 == call } } }
    }

    @Test("afterConnect is called with each new connection before its first use")
    func afterConnect() async throws {
        let calls = Calls()
        let hooks = SQLiteHooks(afterConnect: { db in
            calls.note(db.isReader ? "reader" : "writer")
            if !db.isReader { try db.execute("CREATE TEMP TABLE note AS SELECT 'set' AS x") }
        })
        try await withPool(.with(maximumReaders: 1), hooks: hooks) { pool in
            for _ in 0..<3 {
                #expect(try await pool.write { db in try db.query("SELECT x FROM note", as: String.self) } == ["set"])
                let error = try await sqliteError { _ = try await pool.query("SELECT x FROM note", as: String.self) }
                #expect(error.code == .error)
            }
            #expect(calls.count("reader") == 1 && calls.count("writer") == 1)
        }
    }

    @Test("An error of afterConnect fails every call, until the hook succeeds")
    func failingAfterConnect() async throws {
        struct NotYet: Error {}
        let isReady = Atomic(false)
        let hooks = SQLiteHooks(afterConnect: { _ in if !isReady.load(ordering: .relaxed) { throw NotYet() } })
        try await withPool(hooks: hooks) { pool in
            for _ in 0..<2 {
                let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
                #expect(error.code == .connectFailed && error.message.contains("NotYet"))
            }
            isReady.store(true, ordering: .relaxed)
            #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
        }
        let wrong = SQLiteHooks(afterConnect: { db in try db.execute("ATTACH nothing") })
        try await withPool(hooks: wrong) { pool in
            let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
            #expect(error.code == .error)
        }
    }

    @Test("A connection that beforeHandOut rejects is replaced before the body", arguments: [1, 16])
    func rejected(group: Int) async throws {
        let rejects = Atomic(false)
        let hooks = SQLiteHooks(beforeHandOut: { _, _ in
            !rejects.exchange(false, ordering: .sequentiallyConsistent)
        })
        try await withPool(.with(maximumReaders: 1, maximumWritesPerCommit: group), hooks: hooks) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            rejects.store(true, ordering: .sequentiallyConsistent)
            try await pool.write { db in try db.execute("INSERT INTO t VALUES (1)") }
            #expect(pool.statistics.writer.createdAndClosed == [2, 1])
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            rejects.store(true, ordering: .sequentiallyConsistent)
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            #expect(pool.statistics.readers.createdAndClosed[1] == 1)
        }
    }

    @Test("A caller whose new connection is also rejected fails, and later callers get new ones")
    func rejectedTwice() async throws {
        let rejections = Atomic(2)
        let hooks = SQLiteHooks(beforeHandOut: { _, _ in
            rejections.subtract(1, ordering: .sequentiallyConsistent).newValue < 0
        })
        try await withPool(.with(maximumReaders: 1), hooks: hooks) { pool in
            let error = try await sqliteError { try await pool.execute("CREATE TABLE t (x)") }
            #expect(error.code == .connectFailed && error.message.contains("beforeHandOut"))
            try await pool.execute("CREATE TABLE t (x)")
        }
    }

    @Test("A connection that afterReturn does not find reusable is replaced", arguments: [1, 16])
    func returned(group: Int) async throws {
        let isBroken = Atomic(false)
        let hooks = SQLiteHooks(afterReturn: { _, status in
            #expect(status.uses > 0)
            return isBroken.exchange(false, ordering: .sequentiallyConsistent) ? .broken : .reusable
        })
        try await withPool(.with(maximumReaders: 1, maximumWritesPerCommit: group), hooks: hooks) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            #expect(pool.statistics.writer.createdAndClosed == [1, 0])
            isBroken.store(true, ordering: .sequentiallyConsistent)
            try await pool.write { db in try db.execute("INSERT INTO t VALUES (1)") }
            try await pool.write { db in try db.execute("INSERT INTO t VALUES (2)") }
            #expect(pool.statistics.writer.createdAndClosed == [2, 1])
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [2])
        }
    }

    @Test("What a hook changes on a connection is restored, and a transaction that it leaves open rejects it")
    func restored() async throws {
        let begins = Atomic(false)
        let hooks = SQLiteHooks(beforeHandOut: { db, _ in
            do {
                try db.execute("PRAGMA recursive_triggers = 1")
                if begins.exchange(false, ordering: .sequentiallyConsistent) { try db.execute("BEGIN") }
                return true
            } catch {
                return false
            }
        })
        try await withPool(.with(maximumReaders: 1), hooks: hooks) { pool in
            for _ in 0..<2 {
                let values = try await pool.query("PRAGMA recursive_triggers", as: Int.self)
                #expect(values == [0])
            }
            let closed = pool.statistics.readers.closed
            begins.store(true, ordering: .sequentiallyConsistent)
            let ones = try await pool.query("SELECT 1", as: Int.self)
            #expect(ones == [1])
            #expect(pool.statistics.readers.closed == closed + 1)
        }
    }

    @Test("A connection that was idle is tested, and replaced if its file was replaced")
    func validation() async throws {
        let folder = try SampleFolder()
        let clock = ManualClock()
        var configuration = SQLiteConfiguration.with(mode: .readWrite, maximumReaders: 1).at(folder.file())
        configuration.pool.validateAfterIdle = .seconds(30)
        try OutsideConnection(folder.file()).run("PRAGMA journal_mode = WAL; CREATE TABLE t AS SELECT 1 AS x")
        try OutsideConnection(folder.file("other.sqlite")).run(
            "PRAGMA journal_mode = WAL; CREATE TABLE t AS SELECT 2 AS x"
        )
        let pool = try SQLitePool(configuration, clock: clock)
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        await expectNoLeases(pool)
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: folder.file() + suffix)
        }
        try FileManager.default.moveItem(atPath: folder.file("other.sqlite"), toPath: folder.file())
        // Not due yet.
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        await expectNoLeases(pool)
        clock.advance(by: .seconds(31))
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
        await pool.close()
    }

    @Test("The test of a connection fails after its file was removed")
    func ping() async throws {
        let folder = try SampleFolder()
        try await withPool(.with(maximumReaders: 1), in: folder) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let lease = try await pool.readers.getOrCreate(timeout: .seconds(600))
            let worker = lease.connection
            #expect(await worker.test())
            try FileManager.default.removeItem(atPath: folder.file())
            #expect(await worker.test() == false)
            lease.release()
        }
    }
}
