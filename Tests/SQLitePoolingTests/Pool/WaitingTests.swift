// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Dispatch
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct WaitingTests {
    @Test("Calls are served in FIFO order, on whichever thread the connection is released")
    func order() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
            let bodies = (0..<50).map { number -> @Sendable (borrowing SQLiteConnection) throws -> Void in
                { db in _ = try db.execute("INSERT INTO t (x) VALUES (\(number))") }
            }
            for result in try await inGroup(pool, bodies) { try result.get() }
            #expect(try await pool.query("SELECT x FROM t ORDER BY id", as: Int.self) == Array(0..<50))
        }
    }

    @Test("A call that is not served in time fails, and the connection serves the next one")
    func timeout() async throws {
        try await withPool(SQLiteConfiguration.with(checkoutTimeout: .milliseconds(1))) { pool in
            // The first caller waits while its connection is opened, however long that takes.
            while (try? await pool.execute("CREATE TABLE IF NOT EXISTS t (x)")) == nil {}
            try await withHeldWriter(pool) { release in
                let error = await #expect(throws: PoolError.self) {
                    try await pool.execute("INSERT INTO t VALUES (1)")
                }
                #expect(error?.code == .timedOut)
                release()
            }
            #expect(pool.writer.status.waiting == 0)
            while (try? await pool.execute("INSERT INTO t VALUES (2)")) == nil {}
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test("Closing a pool fails the waiting calls, and lets the running one complete")
    func closed() async throws {
        try await withPool { pool in
            try await withHeldWriter(pool) { release in
                let waiting = Task { try await pool.write { _ in _ = Issue.record("the body ran") } }
                while pool.writer.status.waiting == 0 { await Task.yield() }
                await pool.close()
                let error = await #expect(throws: PoolError.self) { try await waiting.value }
                #expect(error?.code == .closed)
                release()
            }
        }
    }

    @Test("Many calls that are cancelled at random each get one outcome, and none leaks a connection")
    func storm() async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 2)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            await withTaskGroup { group in
                for number in 0..<400 {
                    group.addTask {
                        let task = Task {
                            if number % 4 == 0 {
                                try await pool.write { db in _ = try db.execute("INSERT INTO t VALUES (\(number))") }
                            } else {
                                _ = try await pool.read { db in try db.query("SELECT count(*) FROM t", as: Int.self) }
                            }
                        }
                        if number % 3 == 0 {
                            for _ in 0..<number % 7 { await Task.yield() }
                            task.cancel()
                        }
                        switch await task.result {
                        case .success: break
                        case .failure(let error): #expect(number % 3 == 0 && error is CancellationError)
                        }
                    }
                }
            }
            await expectNoLeases(pool)
            #expect(pool.readers.status.waiting == 0 && pool.writer.status.waiting == 0)
            #expect(pool.statistics.connectionsClosed == 0)
            let count = try await pool.query("SELECT count(*) FROM t WHERE x % 3 <> 0", as: Int.self)
            #expect(count == [(0..<400).count { $0 % 4 == 0 && $0 % 3 != 0 }])
        }
    }
}
