// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

extension CheckpointTests {
    @Test("The log stays bounded while readers overlap without a gap")
    func overlappingReaders() async throws {
        try await withTable { pool, folder in
            let relay = Relay()
            try await withThrowingTaskGroup { group in
                for _ in 0..<2 {
                    group.addTask {
                        // A reader ends only after the other one has begun: at every moment one of
                        // them has a snapshot.
                        while !relay.isOver {
                            try await pool.read { db in
                                _ = try db.query("SELECT id FROM t LIMIT 1", as: Int.self)
                                relay.passOn()
                            }
                        }
                    }
                }
                try await insert(into: pool, turns: 500)
                relay.end()
                try await group.waitForAll()
            }
            // At least 500 times 128 pages were written. On a busy machine, a reader may stay for
            // longer than the writer waits, a few times in a row.
            #expect(try logLength(folder) < 5 * pool.configuration.checkpoints.restartThreshold)
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test("The log stays bounded while overlapping readers stay longer than the first waits")
    func longOverlappingReaders() async throws {
        var configuration = SQLiteConfiguration.with(maximumReaders: 3)
        configuration.checkpoints.restartThreshold = 2_000
        // Long enough for a slow machine.
        configuration.checkpoints.restartTimeout = .seconds(600)
        try await withTable(configuration) { pool, folder in
            let relay = Relay()
            try await withThrowingTaskGroup { group in
                for index in 0..<3 {
                    group.addTask {
                        while !relay.isOver {
                            try await pool.read { db in
                                _ = try db.query("SELECT id FROM t LIMIT 1", as: Int.self)
                                // Simulates a long read. The three readers never end together.
                                usleep(UInt32(120_000 + index * 40_000))
                            }
                        }
                    }
                }
                try await insert(into: pool, turns: 300)
                relay.end()
                try await group.waitForAll()
            }
            // 300 times 129 pages were written.
            #expect(try logLength(folder) < 20_000)
        }
    }

    @Test(
        "The log file is truncated without another write when a reader that held it ends",
        arguments: ["read", "readBlocking", "readBlockingCooperativeThread"]
    )
    func truncatedAfterReader(method: String) async throws {
        var configuration = SQLiteConfiguration.with(maximumReaders: 1)
        configuration.checkpoints.restartThreshold = 1_000
        configuration.checkpoints.restartTimeout = .zero
        configuration.checkpoints.retainedLogBytes = 100_000
        try await withTable(configuration) { pool, folder in
            let reader = Rendezvous()
            let body: @Sendable (borrowing SQLiteConnection) throws -> Int = { db in
                _ = try db.query("SELECT count(*) FROM t", as: Int.self)
                reader.arrive()
                reader.wait()
                return try db.query("SELECT count(*) FROM t", as: Int.self)[0]
            }
            async let count =
                switch method {
                case "read": pool.read { db in try body(db) }
                case "readBlocking": onThread { try pool.readBlocking { db in try body(db) } }
                default: pool.readBlockingCooperativeThread { db in try body(db) }
                }
            await reader.arrived()
            try await insert(into: pool, turns: 60)
            #expect(try logLength(folder) > 60 * 128)
            reader.release()
            #expect(try await count == 0)
            while try folder.size("test.sqlite-wal") > 100_000, !Task.isCancelled { await Task.yield() }
            #expect(try folder.size("test.sqlite-wal") <= 100_000)
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [60])
        }
    }

    @Test("A checkpoint that a reader blocks ends in time, and the connection stays usable")
    func besideReader() async throws {
        try await withPool(SQLiteConfiguration.with(busyTimeout: .milliseconds(1))) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let reader = Rendezvous()
            async let read: Void = pool.read { db in
                _ = try db.query("SELECT x FROM t", as: Int.self)
                reader.arrive()
                reader.wait()
            }
            await reader.arrived()
            try await pool.execute("INSERT INTO t VALUES (1)")
            for mode in [SQLiteCheckpoint.Mode.full, .restart, .truncate] {
                let result = try await pool.checkpoint(mode)
                #expect(result[0].failure?.code == .busy)
                #expect(result[0].failure?.message.contains("readers or another process") == true)
                #expect(try await pool.execute("INSERT INTO t VALUES (2)").rowCount == 1)
            }
            reader.release()
            try await read
            #expect(try await pool.checkpoint(.truncate)[0].isComplete)
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test(
        "A read that exceeds its maximum duration fails, in a statement and at the next one, and its connection stays usable"
    )
    func maximumReadDuration() async throws {
        var configuration = SQLiteConfiguration.with(maximumReaders: 1)
        configuration.maximumReadDuration = .milliseconds(1)
        try await withPool(configuration) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let endless: SQLiteQuery =
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
            let inStatement = try await sqliteError { _ = try await pool.query(endless, as: Int.self) }
            #expect(inStatement.code == .readDurationExceeded)
            let between = try await sqliteError {
                try await pool.read { db in
                    while true { _ = try db.query("SELECT count(*) FROM t", as: Int.self) }
                }
            }
            #expect(between.code == .readDurationExceeded && between.message.contains("maximumReadDuration"))
            // The limit does not apply to the writer.
            let limited: SQLiteQuery =
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000) SELECT count(*) FROM n"
            #expect(try await pool.write { db in try db.query(limited, as: Int.self) } == [1_000_000])
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("The waits for readers grow to their limit, and then follow the log's growth")
    func waits() {
        var settings = SQLiteConfiguration.Checkpoints()
        settings.interval = 10
        settings.restartThreshold = 100
        settings.restartTimeout = .milliseconds(150)
        var log = LogLength(of: "main", settings)
        log.noteCommit(9)
        #expect(!log.isCheckpointDue)
        log.noteCommit(99)
        #expect(log.isCheckpointDue && !log.isRestartDue)
        log.notePassiveCheckpoint()
        #expect(!log.isCheckpointDue)
        log.noteCommit(100)
        #expect(log.isRestartDue && log.restartTimeout == .milliseconds(50))
        var lengths: [Int] = []
        for pages in 100...400 {
            log.noteCommit(pages)
            guard log.isRestartDue else { continue }
            lengths.append(pages)
            log.noteFailedRestart()
        }
        #expect(lengths == [100, 110, 120, 150, 187, 233, 291, 363])
        #expect(log.restartTimeout == .milliseconds(150))
        log.noteCommit(5)
        #expect(!log.isCheckpointDue && log.restartTimeout == .milliseconds(75))
    }
}

/// Makes two bodies, each on its own thread, hold a resource in turn, so that at least one of them
/// always does.
private final class Relay: Sendable {
    private let turns = Atomic(0)
    private let ended = Atomic(false)

    var isOver: Bool { ended.load(ordering: .relaxed) }

    func end() { ended.store(true, ordering: .relaxed) }

    /// Waits until another body has arrived after the caller, or the relay has ended.
    func passOn() {
        let turn = turns.add(1, ordering: .relaxed).newValue
        while turns.load(ordering: .relaxed) == turn, !isOver { sched_yield() }
    }
}
