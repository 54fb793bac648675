// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite struct CheckpointTests {
    private static let pageSize = 512
    private static let frameSize = pageSize + 24

    /// Sets a small page size, so that the log becomes long quickly.
    private func makeSmallPages(_ path: String) throws {
        let maker = try OutsideConnection(path)
        try maker.run("PRAGMA page_size = \(Self.pageSize); CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
    }

    private func withTable(
        _ configuration: SQLiteConfiguration = SQLiteConfiguration(maximumReaders: 2),
        _ body: (SQLitePool, SampleFolder) async throws -> Void
    ) async throws {
        let folder = try SampleFolder()
        try makeSmallPages(folder.file())
        try await withPool(configuration, in: folder) { try await body($0, folder) }
    }

    private func insert(into pool: SQLitePool, table: SQL = "t", turns: Int) async throws {
        for _ in 0..<turns {
            try await pool.write { db in _ = try db.execute("INSERT INTO \(sql: table) (x) VALUES (zeroblob(65536))") }
        }
    }

    /// Returns the greatest length of the log so far, in pages.
    private func logLength(_ folder: SampleFolder, _ name: String = "test.sqlite-wal") throws -> Int {
        try folder.size(name) / Self.frameSize
    }

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
        var configuration = SQLiteConfiguration(maximumReaders: 3)
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

    @Test("Without readers, a checkpoint follows each interval, and the log starts again")
    func withoutReaders() async throws {
        try await withTable { pool, folder in
            try await insert(into: pool, turns: 100)
            #expect(try logLength(folder) < pool.configuration.checkpoints.interval + 500)
            #expect(pool.statistics.log.checkpoints >= 3)
            #expect(pool.statistics.log.failedCheckpoints == 0)
        }
    }

    @Test(
        "The log file is truncated without another write when a reader that held it ends",
        arguments: ["read", "readBlocking", "readBlockingCooperativeThread"]
    )
    func truncatedAfterReader(method: String) async throws {
        var configuration = SQLiteConfiguration(maximumReaders: 1)
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

    @Test("A log that exceeds its retained size is truncated without another write")
    func truncatedWithoutReader() async throws {
        var configuration = SQLiteConfiguration(maximumReaders: 1)
        configuration.checkpoints.restartThreshold = 100
        configuration.checkpoints.retainedLogBytes = 20_000
        try await withTable(configuration) { pool, folder in
            try await insert(into: pool, turns: 1)
            // The checkpoint precedes the next call of the writer.
            try await pool.writeWithoutTransaction { _ in }
            #expect(try folder.size("test.sqlite-wal") <= 20_000)
        }
    }

    @Test("An attached database has its own log, which is copied and starts again as the main one does")
    func attached() async throws {
        let folder = try SampleFolder()
        try makeSmallPages(folder.file("archive.sqlite"))
        let configuration = SQLiteConfiguration(
            onOpen: SQLiteOpening { db in try db.execute("ATTACH \(folder.file("archive.sqlite")) AS archive") }
        )
        try await withPool(configuration, in: folder) { pool in
            try await pool.execute("CREATE TABLE m (x)")
            try await insert(into: pool, table: "archive.t", turns: 100)
            #expect(try logLength(folder, "archive.sqlite-wal") < pool.configuration.checkpoints.interval + 500)
            #expect(try folder.size("archive.sqlite") > 90 * 65_536)
            let results = try await pool.checkpoint(.truncate)
            #expect(results.map(\.database) == ["main", "archive"] && results.allSatisfy(\.isComplete))
            #expect(try folder.size("archive.sqlite-wal") == 0)
        }
    }

    @Test("A reader of an attached database does not fail the writer, whatever journal mode the file had")
    func attachedWithoutLog() async throws {
        let folder = try SampleFolder()
        let path = folder.file("archive.sqlite")
        try OutsideConnection(path).run("PRAGMA journal_mode = DELETE; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
        let configuration = SQLiteConfiguration(
            busyTimeout: .zero,
            onOpen: SQLiteOpening { db in try db.execute("ATTACH \(path) AS archive") }
        )
        try await withPool(configuration, in: folder) { pool in
            let reader = Rendezvous()
            async let counts = pool.read { db in
                let before = try db.query("SELECT count(*) FROM archive.t", as: Int.self)
                reader.arrive()
                reader.wait()
                return try before + db.query("SELECT count(*) FROM archive.t", as: Int.self)
            }
            await reader.arrived()
            try await insert(into: pool, table: "archive.t", turns: 1)
            reader.release()
            #expect(try await counts == [0, 0])
        }
    }

    @Test("A checkpoint works if only one process may open the file")
    func exclusiveFileSystem() async throws {
        let folder = try SampleFolder()
        try makeSmallPages(folder.file())
        let pool = try SQLitePool(uri: "file:\(folder.file())?vfs=unix-excl", configuration: .patient)
        try await insert(into: pool, turns: 100)
        #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [100])
        #expect(try logLength(folder) < pool.configuration.checkpoints.interval + 500)
        #expect(try await pool.checkpoint(.truncate).allSatisfy(\.isComplete))
        #expect(pool.statistics.log.failedCheckpoints == 0)
        await pool.close()
    }

    @Test("A database that is attached read-only has no checkpoint")
    func attachedForReading() async throws {
        let folder = try SampleFolder()
        let path = folder.file("archive.sqlite")
        let owner = try OutsideConnection(path)
        try owner.run("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        let configuration = SQLiteConfiguration(
            checkoutTimeout: .seconds(600),
            onOpen: SQLiteOpening { db in try db.execute("ATTACH \("file:" + path + "?mode=ro") AS archive") }
        )
        let pool = try SQLitePool(uri: "file:" + folder.file(), configuration: configuration)
        try await pool.execute("CREATE TABLE m (x)")
        let results = try await pool.checkpoint(.truncate)
        #expect(results.map(\.database) == ["main"] && results[0].isComplete)
        #expect(pool.statistics.log.failedCheckpoints == 0)
        await pool.close()
    }

    @Test("Without automatic checkpoints the log stays until an explicit one, also when the pool closes")
    func manual() async throws {
        var configuration = SQLiteConfiguration()
        configuration.checkpoints.isAutomatic = false
        let folder = try SampleFolder()
        try makeSmallPages(folder.file())
        try await withPool(configuration, in: folder) { try await insert(into: $0, turns: 100) }
        #expect(try logLength(folder) > 100 * 128)
        try await withPool(configuration, in: folder) { pool in
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [100])
            let copied = try await pool.checkpoint()
            #expect(copied.count == 1 && copied[0].isComplete && copied[0].copiedPages > 100 * 128)
            #expect(try logLength(folder) > 100 * 128)
            let truncated = try await pool.checkpoint(.truncate)
            #expect(truncated[0].isComplete && truncated[0].logPages == 0)
            #expect(try folder.size("test.sqlite-wal") == 0)
            #expect(pool.statistics.log.checkpoints == 2 && pool.statistics.log.pages == 0)
        }
    }

    @Test("SQLite makes no checkpoint of its own after a pragma that commits while a connection is opened")
    func pragmaOnOpen() async throws {
        var configuration = SQLiteConfiguration()
        configuration.checkpoints.isAutomatic = false
        let folder = try SampleFolder()
        try makeSmallPages(folder.file())
        try await withPool(configuration, in: folder) { try await insert(into: $0, turns: 100) }
        let size = try folder.size()
        configuration.pragmas = [SQLitePragma("user_version", 3, on: .writer)]
        try await withPool(configuration, in: folder) { pool in
            try await pool.execute("INSERT INTO t (x) VALUES (NULL)")
            #expect(try folder.size() == size)
        }
        #expect(try folder.size() == size)
        #expect(try logLength(folder) > 100 * 128)
    }

    @Test("Observers receive the beginning and the end of a checkpoint, and its error")
    func observed() async throws {
        let folder = try SampleFolder()
        let recorder = Recorder()
        var configuration = SQLiteConfiguration(name: "observed", busyTimeout: .zero, checkoutTimeout: .seconds(600))
        configuration.checkpoints.interval = 1
        let pool = try SQLitePool(path: folder.file(), configuration: configuration, observers: [recorder])
        try await pool.execute("CREATE TABLE t (x)")
        try await pool.execute("INSERT INTO t VALUES (1)")
        await expectNoLeases(pool)
        let automatic = ["began main passive", "ended main complete"]
        #expect(recorder.takeEvents() == automatic + automatic)

        let outside = try OutsideConnection(folder.file())
        try outside.run("BEGIN IMMEDIATE")
        for mode in SQLiteCheckpoint.Mode.allCases {
            let result = try await pool.checkpoint(mode)
            #expect(result[0].failure?.code.primary == .busy && !result[0].isComplete)
            #expect(recorder.takeEvents() == ["began main \(mode)", "ended main busy"])
        }
        #expect(pool.statistics.log.failedCheckpoints == 4)
        #expect(pool.statistics.log.lastFailure?.code.primary == .busy)
        try outside.run("COMMIT")
        #expect(try await pool.checkpoint(.restart)[0].isComplete)
        await pool.close()
    }

    @Test("A checkpoint that a reader blocks ends in time, and the connection stays usable")
    func besideReader() async throws {
        try await withPool(SQLiteConfiguration(busyTimeout: .milliseconds(1))) { pool in
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
                #expect(try await pool.execute("INSERT INTO t VALUES (2)").count == 1)
            }
            reader.release()
            try await read
            #expect(try await pool.checkpoint(.truncate)[0].isComplete)
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test("A checkpoint restores the connection's busy timeout")
    func busyTimeout() async throws {
        try await withPool(SQLiteConfiguration(busyTimeout: .seconds(3_600))) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            #expect(try await pool.checkpoint(.truncate, timeout: .seconds(600))[0].isComplete)
            #expect(try await pool.write { db in db.session.busyTimeout } == .seconds(3_600))
        }
    }

    @Test(
        "A read that exceeds its maximum duration fails, in a statement and at the next one, and its connection stays usable"
    )
    func maximumReadDuration() async throws {
        var configuration = SQLiteConfiguration(maximumReaders: 1)
        configuration.maximumReadDuration = .milliseconds(1)
        try await withPool(configuration) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let endless: SQL = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
            let inStatement = try await sqliteError { _ = try await pool.query(endless, as: Int.self) }
            #expect(inStatement.code == .readDurationExceeded)
            let between = try await sqliteError {
                try await pool.read { db in
                    while true { _ = try db.query("SELECT count(*) FROM t", as: Int.self) }
                }
            }
            #expect(between.code == .readDurationExceeded && between.message.contains("maximumReadDuration"))
            // The limit does not apply to the writer.
            let limited: SQL =
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

    @Test("A checkpoint setting out of its range is an error that names it")
    func validation() throws {
        for (field, change) in [
            ("interval", { $0.interval = 0 }), ("restartThreshold", { $0.restartThreshold = 0 }),
            ("restartTimeout", { $0.restartTimeout = .seconds(-1) }),
            ("retainedLogBytes", { $0.retainedLogBytes = -1 }),
        ] as [(String, (inout SQLiteConfiguration.Checkpoints) -> Void)] {
            var configuration = SQLiteConfiguration()
            change(&configuration.checkpoints)
            let error = try #require(throws: SQLiteError.self) { try configuration.validate() }
            #expect(error.code == .invalidConfiguration && error.message.contains("checkpoints.\(field)"))
        }
        for pragma in ["wal_autocheckpoint", "journal_size_limit"] {
            let configuration = SQLiteConfiguration(pragmas: [SQLitePragma(pragma, 1)])
            let error = try #require(throws: SQLiteError.self) { try configuration.validate() }
            #expect(error.message.contains("checkpoints."))
        }
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

/// Records the events of checkpoints.
private final class Recorder: SQLitePoolObserver {
    private let events = Locked<[String]>([])

    func observe(_ event: PoolEvent, in pool: String) {}

    func observe(_ event: SQLitePoolEvent, in pool: String) {
        #expect(pool == "observed")
        let text =
            switch event {
            case .checkpointBegan(let database, let mode): "began \(database) \(mode)"
            case .checkpointEnded(let checkpoint):
                "ended \(checkpoint.database) \(checkpoint.isComplete ? "complete" : checkpoint.failure == nil ? "partial" : "busy")"
            }
        events.withLock { $0.append(text) }
    }

    func takeEvents() -> [String] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
