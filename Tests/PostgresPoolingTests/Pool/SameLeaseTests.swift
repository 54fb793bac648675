// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling
import Testing

// Effects that the reset on release would hide.

@Suite(.timeLimit(.minutes(10))) struct SameLeaseTests {
    struct Oops: Error {}

    @Test("A failed body is rolled back before the next statement of its lease", arguments: PollerKind.allCases)
    func rollback(_ poller: PollerKind) async throws {
        let table = PostgresQuery(unsafe: "same_lease_\(poller)")
        try await TestServer.shared.withPool(poller) { pool in
            try await pool.execute("CREATE TABLE \(sql: table) (n int)")
            try await pool.withConnection { db in
                let error = await failure {
                    try await db.withTransaction { db in
                        try await db.execute("INSERT INTO \(sql: table) VALUES (1)")
                        throw Oops()
                    }
                }
                #expect(error is Oops)
                equal(db.isInTransaction, false)
                try await db.execute("INSERT INTO \(sql: table) VALUES (2)")
                // The statement is a transaction of its own: another session sees it.
                try await equal(pool.query("SELECT n FROM \(sql: table)", as: Int.self), [2])
            }
            try await pool.execute("DROP TABLE \(sql: table)")
        }
    }
}
