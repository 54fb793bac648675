// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct DiscardTests {
    @Test("A body can discard its connection, and its transaction is still committed")
    func discard() async throws {
        // Another reader would be opened beside the one that is being closed.
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.write { db in
                db.discardAfterUse()
                try db.execute("INSERT INTO t VALUES (1)")
            }
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(pool.statistics.writer.createdAndClosed == [2, 1])
            try await pool.read { db in db.discardAfterUse() }
            #expect(try await pool.query("SELECT x FROM t ORDER BY x", as: Int.self) == [1, 2])
            #expect(pool.statistics.readers.createdAndClosed == [2, 1])
        }
    }

    @Test("Unnamed pools get different names")
    func names() async throws {
        let pools = [try SQLitePool(":memory:"), try SQLitePool(":memory:")]
        let names = pools.map(\.configuration.pool.name)
        #expect(Set(names).count == 2 && names.allSatisfy { $0.hasPrefix("SQLite") })
        for pool in pools { await pool.close() }
    }
}
