// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

extension CheckpointTests {
    @Test("An attached database has its own log, which is copied and starts again as the main one does")
    func attached() async throws {
        let folder = try SampleFolder()
        try makeSmallPages(folder.file("archive.sqlite"))
        let configuration = SQLiteConfiguration.with(
            setup: ["ATTACH \(folder.file("archive.sqlite")) AS archive"]
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
        let configuration = SQLiteConfiguration.with(
            busyTimeout: .zero,
            setup: ["ATTACH \(path) AS archive"]
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

    @Test("A database that is attached read-only has no checkpoint")
    func attachedForReading() async throws {
        let folder = try SampleFolder()
        let path = folder.file("archive.sqlite")
        let owner = try OutsideConnection(path)
        try owner.run("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        let configuration = SQLiteConfiguration.with(
            checkoutTimeout: .seconds(600),
            setup: ["ATTACH \("file:" + path + "?mode=ro") AS archive"]
        )
        let pool = try SQLitePool(configuration.at(uri: "file:" + folder.file()))
        try await pool.execute("CREATE TABLE m (x)")
        let results = try await pool.checkpoint(.truncate)
        #expect(results.map(\.database) == ["main"] && results[0].isComplete)
        #expect(pool.statistics.log.failedCheckpoints == 0)
        await pool.close()
    }
}
