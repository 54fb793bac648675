// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Synchronization
import Testing

@testable import SQLitePooling

/// What hooks and the test of an idle connection do to the connection.
@Suite(.timeLimit(.minutes(10))) struct UsePolicyTests {
    @Test("A connection that an approving hook changes permanently is used, and then replaced", arguments: [1, 16])
    func approvedAndChanged(group: Int) async throws {
        let hooks = SQLiteHooks(beforeHandOut: { db, _ in
            do {
                try db.execute("PRAGMA foreign_keys = OFF")
                try db.execute("PRAGMA temp_store = MEMORY")
                return true
            } catch {
                return false
            }
        })
        try await withPool(.with(maximumReaders: 1, maximumWritesPerCommit: group), hooks: hooks) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            for number in 1...2 {
                let keys = try await pool.write { db in
                    try db.execute("INSERT INTO t VALUES (\(number))")
                    return try db.query("PRAGMA foreign_keys", as: Int.self)
                }
                #expect(keys == [1], "the settings that can be restored are restored before the body")
                let count = try await pool.query("SELECT count(*) FROM t", as: Int.self)
                #expect(count == [number])
            }
            let stores = try await pool.write { db in try db.query("PRAGMA temp_store", as: Int.self) }
            #expect(stores == [2])
            #expect(pool.statistics.writer.created == 4)
        }
    }

    @Test("A file that is busy passes the test of an idle connection without a wait")
    func busy() async throws {
        let folder = try SampleFolder()
        let clock = ManualClock()
        var configuration = SQLiteConfiguration.with(mode: .readOnly, maximumReaders: 1, busyTimeout: .seconds(1))
            .at(folder.file())
        configuration.pool.validateAfterIdle = .seconds(30)
        let outside = try OutsideConnection(folder.file())
        try outside.run("PRAGMA journal_mode = DELETE; CREATE TABLE t AS SELECT 1 AS x")
        let pool = try SQLitePool(configuration, clock: clock)
        #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        await expectNoLeases(pool)
        try outside.run("BEGIN EXCLUSIVE")
        clock.advance(by: .seconds(31))
        #expect(try await pool.query("SELECT 2", as: Int.self) == [2])
        #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        try outside.run("COMMIT")
        await pool.close()
    }

    /// Receives the pool after its hooks have been made.
    private final class Box: Sendable {
        let pool = Mutex<SQLitePool?>(nil)
        let codes = Mutex<[SQLiteError.Code?]>([])

        /// Writes to the pool, and notes the error.
        func write() {
            guard let pool = pool.withLock({ $0 }) else { return }
            do {
                try pool.writeBlocking { _ in }
                codes.withLock { $0.append(nil) }
            } catch {
                codes.withLock { $0.append((error as? SQLiteError)?.code) }
            }
        }
    }

    @Test(
        "A hook of the writer that writes to the pool fails immediately",
        arguments: ["afterConnect", "beforeHandOut", "afterReturn"],
        [1, 16]
    )
    func deadlock(hook: String, group: Int) async throws {
        let box = Box()
        let hooks = SQLiteHooks(
            afterConnect: { db in if hook == "afterConnect", !db.isReader { box.write() } },
            beforeHandOut: { db, _ in
                if hook == "beforeHandOut", !db.isReader { box.write() }
                return true
            },
            afterReturn: { db, _ in
                if hook == "afterReturn", !db.isReader { box.write() }
                return .reusable
            }
        )
        var configuration = SQLiteConfiguration.with(maximumReaders: 1, maximumWritesPerCommit: group)
        configuration.pool.checkoutTimeout = .seconds(600)
        try await withPool(configuration, hooks: hooks) { pool in
            box.pool.withLock { $0 = pool }
            try await pool.writeWithoutTransaction { db in _ = try db.execute("CREATE TABLE t (x)") }
            await expectNoLeases(pool)
            box.pool.withLock { $0 = nil }
            let codes = box.codes.withLock { $0 }
            #expect(codes == [.deadlock])
        }
    }
}
