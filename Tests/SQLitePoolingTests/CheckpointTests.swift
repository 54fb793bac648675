// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite struct CheckpointTests {
    private static let pageSize = 512

    /// A pool on a file with small pages, so that the log is long soon.
    private func withTable(_ body: (SQLitePool, SampleFolder) async throws -> Void) async throws {
        let folder = try SampleFolder()
        do {
            let maker = try Intruder(folder.file())
            try maker.run("PRAGMA page_size = \(Self.pageSize); CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
        }
        try await withPool(SQLiteConfiguration(maximumReaders: 2), in: folder) { try await body($0, folder) }
    }

    private func insert(into pool: SQLitePool, turns: Int) async throws {
        for _ in 0..<turns {
            try await pool.write { db in _ = try db.execute("INSERT INTO t (x) VALUES (zeroblob(65536))") }
        }
    }

    /// How long the log has been at most, in pages.
    private func logLength(_ folder: SampleFolder) throws -> Int {
        try folder.bytes("test.sqlite-wal").count / (Self.pageSize + 24)
    }

    @Test("The write-ahead log stays bounded while somebody always reads")
    func bounded() async throws {
        try await withTable { pool, folder in
            let relay = Relay()
            try await withThrowingTaskGroup { group in
                for _ in 0..<2 {
                    group.addTask {
                        // Each ends only when the other has begun after it: at every moment one of them has a snapshot.
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
            // 500 times 128 pages and more were written. On a machine that is busy elsewhere a reader may stand for longer than
            // the writer waits, twice in a row.
            #expect(try logLength(folder) < 5 * SQLiteConfiguration.Checkpoints().restartThreshold)
            #expect(pool.statistics.writer.closed == 0)
        }
    }

    @Test("A log that nobody reads is put into the database file, and begins anew")
    func withoutReaders() async throws {
        try await withTable { pool, folder in
            try await insert(into: pool, turns: 100)
            // It may grow beyond a step while that is copied, until the writer waits for the copy.
            #expect(try logLength(folder) < SQLiteConfiguration.Checkpoints().interval + 500)
        }
    }
}

/// Lets two bodies, each on a thread of its own, hold on to something in turn, so that one of them always does.
private final class Relay: Sendable {
    private let turns = Atomic(0)
    private let ended = Atomic(false)

    var isOver: Bool { ended.load(ordering: .relaxed) }

    func end() { ended.store(true, ordering: .relaxed) }

    /// Waits until somebody has come here after the caller, or it is over.
    func passOn() {
        let turn = turns.add(1, ordering: .relaxed).newValue
        while turns.load(ordering: .relaxed) == turn, !isOver { sched_yield() }
    }
}
