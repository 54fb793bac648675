// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct DeadlineTests {
    @Test("A call is interrupted at its deadline, and the connection stays usable")
    func read() async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            // The timeout includes the wait for a connection, which is open for the next call.
            _ = try await pool.query("SELECT 1", as: Int.self)
            let error = try await sqliteError {
                _ = try await pool.read(timeout: .milliseconds(50)) { db in
                    try db.query(CancellationTests.endless, as: Int.self)
                }
            }
            #expect(error.code == .timedOut)
            #expect(error.description.contains("timedOut"))
            #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test("A timeout may be as long or as short as a duration", arguments: [Int64.max, 1 << 40, Int64.min])
    func extremeTimeout(seconds: Int64) async throws {
        try await withPool { pool in
            let timeout = Duration.seconds(seconds)
            guard seconds > 0 else {
                await #expect(throws: (any Error).self) {
                    try await pool.query("SELECT 1", as: Int.self, timeout: timeout)
                }
                return
            }
            #expect(try await pool.query("SELECT 1", as: Int.self, timeout: timeout) == [1])
            let written = try await pool.write(timeout: timeout) { db in try db.query("SELECT 2", as: Int.self) }
            #expect(written == [2])
            // The task that sleeps until the deadlines has begun.
            let block = Rendezvous()
            let read = Task {
                try await pool.read(timeout: timeout) { _ in
                    block.arrive()
                    block.wait()
                }
            }
            await block.arrived()
            _ = try? await pool.query("SELECT 1", as: Int.self, timeout: .milliseconds(1))
            block.release()
            try await read.value
        }
    }

    @Test("A write is rolled back at its deadline, even if its body hides the interruption")
    func write() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let error = try await sqliteError {
                try await pool.write(timeout: .milliseconds(50)) { db in
                    try db.execute("INSERT INTO t VALUES (1)")
                    _ = try? db.query(CancellationTests.endless, as: Int.self)
                }
            }
            #expect(error.code == .timedOut)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
            try await pool.write(timeout: .seconds(3_600)) { db in _ = try db.execute("INSERT INTO t VALUES (2)") }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [2])
        }
    }
}
