// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct QueryPlanTests {
    @Test("A plan is a tree of steps that names tables and indexes, and no value")
    func plan() async throws {
        try await withPool { pool in
            try await pool.executeScript("CREATE TABLE t (a, b); CREATE INDEX t_a ON t (a)")
            let search = try await pool.explain("SELECT b FROM t WHERE a = \("hunter2") ORDER BY b")
            #expect(search.steps.map(\.detail) == ["SEARCH t USING INDEX t_a (a=?)", "USE TEMP B-TREE FOR ORDER BY"])
            #expect("\(search)" == "SEARCH t USING INDEX t_a (a=?)\nUSE TEMP B-TREE FOR ORDER BY")
            #expect(search.allSteps.map(\.isScan) == [false, false])
            let union = try await pool.explain("SELECT a FROM t UNION ALL SELECT b FROM t WHERE b > 1 -- all")
            #expect(union.allSteps.count > union.steps.count && union.allSteps.map(\.isScan).contains(true))
            #expect("\(union)".contains("\n  "))
        }
    }

    @Test("A statement is explained without running, on a reader and in a transaction")
    func notRun() async throws {
        try await withPool { pool in
            try await pool.executeScript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
            let deletion = try await pool.explain("DELETE FROM t WHERE a = 1")
            #expect(deletion.steps.map(\.isScan) == [true])
            try await pool.write { db in
                let count = try db.explain("INSERT INTO t VALUES (2)").steps.count
                #expect(count == 0)
            }
            #expect(try await pool.query("SELECT a FROM t", as: Int.self) == [1])
            let error = try await sqliteError { _ = try await pool.explain("SELECT none FROM t") }
            #expect(error.code == .error && error.message == "no such column: none")
        }
    }
}
