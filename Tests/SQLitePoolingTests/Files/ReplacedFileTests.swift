// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SQLitePooling

/// A pool whose file is replaced by another program.
@Suite(.timeLimit(.minutes(10))) struct ReplacedFileTests {
    /// Removes the file of a suspended pool after all of its connections are closed.
    private func withoutFile(_ body: (SampleFolder, SQLitePool) async throws -> Void) async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(folder.file()))
        try await pool.execute("CREATE TABLE t AS SELECT 7 AS x")
        let values = try await pool.query("SELECT x FROM t", as: Int.self)
        #expect(values == [7])
        await expectNoLeases(pool)
        pool.suspend()
        pool.evictAll()
        while pool.statistics.readers.created + pool.statistics.writer.created
            > pool.statistics.readers.closed + pool.statistics.writer.closed
        { await Task.yield() }
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.file() + suffix) }
        try await body(folder, pool)
        await pool.close()
    }

    @Test("A reader creates a file that was removed while the pool was suspended")
    func removed() async throws {
        try await withoutFile { _, pool in
            pool.resume()
            let count = try await pool.query("SELECT count(*) FROM sqlite_schema", as: Int.self)
            #expect(count == [0])
        }
    }

    @Test("A reader turns on the write-ahead log of a file that replaced the pool's")
    func replaced() async throws {
        try await withoutFile { folder, pool in
            try OutsideConnection(folder.file()).run("CREATE TABLE t AS SELECT 8 AS x")
            pool.resume()
            let values = try await pool.query("SELECT x FROM t", as: Int.self)
            #expect(values == [8])
            let modes = try await pool.query("PRAGMA journal_mode", as: String.self)
            #expect(modes == ["wal"])
        }
    }
}
