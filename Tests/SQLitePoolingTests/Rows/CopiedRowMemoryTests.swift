// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct CopiedRowMemoryTests {
    @Test("A copied value that SQLite has no memory to convert is an error")
    func conversion() async {
        await #expect(processExitsWith: .success) {
            #expect(SQLiteLibrary.keepMemoryStatistics())
            try await withPool(.with(maximumReaders: 1)) { pool in
                try await pool.execute("CREATE TABLE t (x)")
                let small = try await pool.query("SELECT zeroblob(5) AS x, zeroblob(0) AS y, '' AS z")
                #expect(small.count == 1)
                _ = sqlite3_hard_heap_limit64(sqlite3_memory_used() + 10_000_000)
                // SQLite only counts the zeros until the copy is read.
                let blob = try await sqliteError { _ = try await pool.query("SELECT zeroblob(50000000) AS x") }
                #expect(blob.code.primary == .outOfMemory)
                _ = sqlite3_hard_heap_limit64(0)
                let values = try await pool.query("SELECT 1", as: Int.self)
                #expect(values == [1])
            }
        }
    }

    @Test("A copied UTF-16 text that SQLite has no memory to convert is an error")
    func text() async {
        await #expect(processExitsWith: .success) {
            #expect(SQLiteLibrary.keepMemoryStatistics())
            let encoding = SQLiteConfiguration.Pragma("encoding", "'UTF-16'", on: .writer)
            try await withPool(.with(maximumReaders: 1, pragmas: [encoding])) { pool in
                try await pool.execute("CREATE TABLE t (x)")
                try await pool.execute("INSERT INTO t VALUES (\(String(repeating: "x", count: 5_000_000)))")
                let encodings = try await pool.query("PRAGMA encoding", as: String.self)
                #expect(encodings.first?.hasPrefix("UTF-16") == true)
                // The value and its copy have 10 MB each, and the conversion needs 20 MB.
                _ = sqlite3_hard_heap_limit64(sqlite3_memory_used() + 32_000_000)
                let error = try await sqliteError { _ = try await pool.query("SELECT x FROM t") }
                #expect(error.code.primary == .outOfMemory)
                _ = sqlite3_hard_heap_limit64(0)
                let rows = try await pool.query("SELECT x FROM t")
                #expect(rows.count == 1)
            }
        }
    }
}
