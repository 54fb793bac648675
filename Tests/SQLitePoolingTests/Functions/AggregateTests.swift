// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.serialized, .timeLimit(.minutes(10))) struct AggregateTests {
    private struct Refusal: Error {}

    /// A state whose life is counted.
    private final class Sum {
        static let alive = Atomic(0)
        var value = 0
        init() { Self.alive.add(1, ordering: .relaxed) }
        deinit { Self.alive.subtract(1, ordering: .relaxed) }
    }

    private static let product = SQLiteFunction.aggregate("product", initial: 1.0) {
        (product: inout Double, x: Double) in
        product *= x
    } result: {
        $0
    }

    private static let list = SQLiteFunction.aggregate("texts", initial: [String]()) {
        (texts: inout [String], text: String?, separator: String) in
        if let text { texts.append(text + separator) }
    } result: {
        $0.isEmpty ? nil : $0.joined()
    }

    private static let movingSum = SQLiteFunction.window("moving_sum", initial: Sum()) { (sum: inout Sum, x: Int) in
        sum.value += x
    } inverse: { sum, x in
        sum.value -= x
    } result: { sum in
        guard sum.value != 13 else { throw Refusal() }
        return sum.value
    }

    private func withAggregates(_ body: (SQLitePool) async throws -> Void) async throws {
        var configuration = SQLiteConfiguration.patient
        configuration.functions = [Self.product, Self.list, Self.movingSum]
        try await withPool(configuration) { pool in
            try await pool.executeScript(
                "CREATE TABLE t (g, x); INSERT INTO t VALUES ('a', 2), ('a', 3), ('b', 5), ('b', 7), ('b', 11)"
            )
            try await body(pool)
        }
        #expect(Sum.alive.load(ordering: .relaxed) == 0)
    }

    @Test("An aggregate has a state for each group, and the initial one for no rows")
    func groups() async throws {
        try await withAggregates { pool in
            let products = try await pool.query(
                "SELECT g, product(x), texts(g, ';') FROM t GROUP BY g ORDER BY g",
                as: (String, Double, String?).self
            )
            #expect(products[0] == ("a", 6, "a;a;") && products[1] == ("b", 385, "b;b;b;") && products.count == 2)
            let none = try await pool.query(
                "SELECT product(x), texts(g, '') FROM t WHERE 0",
                as: (Double, String?).self
            )
            #expect(none[0] == (1, nil))
            let filtered: SQLiteQuery = "SELECT product(x) FILTER (WHERE x > 5), product(DISTINCT x % 2) FROM t"
            #expect(try await pool.query(filtered, as: (Double, Double).self)[0] == (77, 0))
        }
    }

    @Test("A window function follows a moving window, and is an aggregate as well")
    func windows() async throws {
        try await withAggregates { pool in
            let moving = try await pool.query(
                "SELECT moving_sum(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM t ORDER BY x",
                as: Int.self
            )
            #expect(moving == [5, 10, 15, 23, 18])
            let grouped = try await pool.query(
                "SELECT moving_sum(x) OVER (PARTITION BY g ORDER BY x) FROM t ORDER BY x",
                as: Int.self
            )
            #expect(grouped == [2, 5, 5, 12, 23])
            let empty: SQLiteQuery =
                "SELECT moving_sum(x) OVER (ORDER BY x ROWS BETWEEN 3 FOLLOWING AND 4 FOLLOWING) FROM t ORDER BY x"
            #expect(try await pool.query(empty, as: Int.self) == [18, 11, 0, 0, 0])
            #expect(try await pool.query("SELECT moving_sum(x) FROM t", as: Int.self) == [28])
            let refused = try await sqliteError {
                _ = try await pool.query("SELECT product(x) OVER (ORDER BY x) FROM t", as: Double.self)
            }
            #expect(refused.code == .error && refused.message.contains("may not be used as a window function"))
        }
    }

    @Test("An error in each part of an aggregate is the statement's error, and no state stays")
    func errors() async throws {
        try await withAggregates { pool in
            try await pool.execute("INSERT INTO t VALUES ('c', 'text'), ('d', 13)")
            let step = try await sqliteError { _ = try await pool.query("SELECT moving_sum(x) FROM t", as: Int.self) }
            #expect(step.code == .decoding && step.message.hasPrefix("argument 1 of moving_sum() (TEXT)"))
            let result = try await sqliteError {
                _ = try await pool.query("SELECT moving_sum(x) FROM t WHERE g = 'd'", as: Int.self)
            }
            #expect(result.code == .functionFailed && result.message.contains("moving_sum"))
            // When the statement fails in one function, SQLite asks the other for its result.
            let both = try await sqliteError {
                _ = try await pool.query(
                    "SELECT moving_sum(x), product(g) FROM (SELECT 13 AS x, 1 AS g UNION ALL SELECT 0, 'secret')",
                    as: (Int, Double).self
                )
            }
            #expect(both.code == .decoding && both.message.hasPrefix("argument 1 of product() (TEXT)"))
            let value = try await sqliteError {
                _ = try await pool.query(
                    "SELECT moving_sum(x) OVER (ROWS 1 PRECEDING) FROM t WHERE g = 'd'",
                    as: Int.self
                )
            }
            #expect(value.code == .functionFailed)
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("A statement that ends within a group releases its states")
    func earlyEnd() async throws {
        try await withAggregates { pool in
            try await pool.read { db in
                try db.withCursor("SELECT moving_sum(x) OVER (ORDER BY x) FROM t") { cursor in
                    let hasRow = try cursor.next()
                    #expect(hasRow && Sum.alive.load(ordering: .relaxed) > 0)
                }
                #expect(Sum.alive.load(ordering: .relaxed) == 0)
            }
            let task = Task {
                try await pool.query(
                    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT moving_sum(0) FROM n",
                    as: Int.self
                )
            }
            while Sum.alive.load(ordering: .relaxed) == 0 { await Task.yield() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            await expectNoLeases(pool)
        }
    }
}
