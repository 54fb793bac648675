// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct CheckpointTests {
    static let pageSize = 512
    static let frameSize = pageSize + 24

    /// Sets a small page size, so that the log becomes long quickly.
    func makeSmallPages(_ path: String) throws {
        let maker = try OutsideConnection(path)
        try maker.run("PRAGMA page_size = \(Self.pageSize); CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
    }

    func withTable(
        _ configuration: SQLiteConfiguration = SQLiteConfiguration.with(maximumReaders: 2),
        _ body: (SQLitePool, SampleFolder) async throws -> Void
    ) async throws {
        let folder = try SampleFolder()
        try makeSmallPages(folder.file())
        try await withPool(configuration, in: folder) { try await body($0, folder) }
    }

    func insert(into pool: SQLitePool, table: SQLiteQuery = "t", turns: Int) async throws {
        for _ in 0..<turns {
            try await pool.write { db in _ = try db.execute("INSERT INTO \(sql: table) (x) VALUES (zeroblob(65536))") }
        }
    }

    /// Returns the greatest length of the log so far, in pages.
    func logLength(_ folder: SampleFolder, _ name: String = "test.sqlite-wal") throws -> Int {
        try folder.size(name) / Self.frameSize
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

    @Test("A log that exceeds its retained size is truncated without another write")
    func truncatedWithoutReader() async throws {
        var configuration = SQLiteConfiguration.with(maximumReaders: 1)
        configuration.checkpoints.restartThreshold = 100
        configuration.checkpoints.retainedLogBytes = 20_000
        try await withTable(configuration) { pool, folder in
            try await insert(into: pool, turns: 1)
            // The checkpoint precedes the next call of the writer.
            try await pool.writeWithoutTransaction { _ in }
            #expect(try folder.size("test.sqlite-wal") <= 20_000)
        }
    }

    @Test("A checkpoint works if only one process may open the file")
    func exclusiveFileSystem() async throws {
        let folder = try SampleFolder()
        try makeSmallPages(folder.file())
        let pool = try SQLitePool(.patient.at(uri: "file:\(folder.file())?vfs=unix-excl"))
        try await insert(into: pool, turns: 100)
        #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [100])
        #expect(try logLength(folder) < pool.configuration.checkpoints.interval + 500)
        #expect(try await pool.checkpoint(.truncate).allSatisfy(\.isComplete))
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
        configuration.pragmas = [SQLiteConfiguration.Pragma("user_version", 3, on: .writer)]
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
        var configuration = SQLiteConfiguration.with(busyTimeout: .zero, checkoutTimeout: .seconds(600))
        configuration.pool.name = "observed"
        configuration.checkpoints.interval = 1
        let pool = try SQLitePool(configuration.at(folder.file()), observers: [recorder])
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

    @Test("A checkpoint restores the connection's busy timeout")
    func busyTimeout() async throws {
        try await withPool(SQLiteConfiguration.with(busyTimeout: .seconds(3_600))) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            #expect(try await pool.checkpoint(.truncate, timeout: .seconds(600))[0].isComplete)
            #expect(try await pool.write { db in db.session.busyTimeout } == .seconds(3_600))
        }
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
            let configuration = SQLiteConfiguration.with(pragmas: [SQLiteConfiguration.Pragma(pragma, 1)])
            let error = try #require(throws: SQLiteError.self) { try configuration.validate() }
            #expect(error.message.contains("checkpoints."))
        }
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
