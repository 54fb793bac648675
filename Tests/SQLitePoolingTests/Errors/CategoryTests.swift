// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct CategoryTests {
    @Test(
        "An error has the category of its cause",
        arguments: [
            (.constraintUnique, .conflict), (.constraintPrimaryKey, .conflict), (.busySnapshot, .conflict),
            (.constraintNotNull, .refused), (.constraintForeignKey, .refused), (.readOnly, .refused),
            (.authorization, .refused), (.readOnlyMoved, .unavailable), (.cannotOpenDirectory, .unavailable),
            (.connectFailed, .unavailable), (.closed, .unavailable), (.corrupt, .unavailable), (.busy, .busy),
            (.busyRecovery, .busy), (.timedOut, .busy), (.deadlock, .busy), (.full, .busy), (.error, nil),
            (.decoding, nil), (.interrupted, nil), (.transactionAborted, nil), (.invalidConfiguration, nil),
        ] as [(SQLiteError.Code, PoolError.Category?)]
    )
    func category(code: SQLiteError.Code, category: PoolError.Category?) {
        #expect(SQLiteError(code, "x").category == category)
    }

    @Test("A violated key is a conflict, and a write on a reader is refused")
    func reported() async throws {
        try await withPool { pool in
            try await pool.executeScript("CREATE TABLE t (x PRIMARY KEY); INSERT INTO t VALUES (1)")
            let key = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (1)") }
            #expect(key.category == .conflict)
            let reader = try await sqliteError { _ = try await pool.query("DELETE FROM t RETURNING x") }
            #expect(reader.category == .refused)
        }
    }
}
