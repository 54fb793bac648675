// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct FunctionLifetimeTests {
    /// An object that a closure captures or an aggregate has as its state.
    private final class Counted: Sendable {
        static let alive = Atomic(0)
        init() { Self.alive.add(1, ordering: .relaxed) }
        deinit { Self.alive.subtract(1, ordering: .relaxed) }
    }

    private struct Refusal: Error {}

    /// Returns functions whose closures capture an object, which is not referenced elsewhere.
    private static func configuration() -> SQLiteConfiguration {
        let captured = Counted()
        var configuration = SQLiteConfiguration.patient
        configuration.functions = [
            .scalar("checked") { (number: Int) in
                guard number != 7 else { throw Refusal() }
                return withExtendedLifetime(captured) { "a text that is longer than the small ones: \(number)" }
            },
            .window("states", initial: (Counted(), 0)) { (state: inout (Counted, Int), number: Int) in
                state.1 += number
            } inverse: { state, number in
                state.1 -= number
            } result: { state in
                withExtendedLifetime(captured) { state.1 }
            },
        ]
        configuration.collations = [
            SQLiteCollation("backwards") { one, other in
                withExtendedLifetime(captured) {
                    one == other ? .orderedSame : one < other ? .orderedDescending : .orderedAscending
                }
            }
        ]
        return configuration
    }

    @Test("100,000 leases with functions, aggregates, collations and lists leak nothing")
    func leases() async {
        await #expect(processExitsWith: .success) {
            let leaseCount = 100_000
            #expect(SQLiteLibrary.keepMemoryStatistics())
            try await withPool { pool in try await pool.execute("CREATE TABLE t (x)") }
            try await withPool(FunctionLifetimeTests.configuration()) { pool in
                try await pool.executeScript("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3)")
                var warm = 0
                for round in 0..<10 {
                    for number in 0..<leaseCount / 10 {
                        switch number % 5 {
                        case 0: _ = try? await pool.query("SELECT checked(\(number % 8))", as: String.self)
                        case 1: _ = try await pool.query("SELECT states(x) OVER (ORDER BY x) FROM t", as: Int.self)
                        case 2: _ = try? await pool.query("SELECT states(checked(x)) FROM t", as: Int.self)
                        case 3:
                            _ = try await pool.query(
                                "SELECT count(*) FROM t WHERE x IN \(list: [1, number])",
                                as: Int.self
                            )
                        default:
                            _ = try await pool.queryFirst(
                                "SELECT x FROM t ORDER BY 'a' || x COLLATE backwards",
                                as: Int.self
                            )
                        }
                    }
                    // The captured object and nothing of a statement.
                    #expect(Counted.alive.load(ordering: .relaxed) == 1)
                    let bytes = try await pool.read { db in
                        _ = unsafe sqlite3_db_release_memory(db.session.handle)
                        return Int(sqlite3_memory_used())
                    }
                    if round == 0 { warm = bytes }
                    #expect(abs(bytes - warm) < leaseCount / 4, "round \(round): \(bytes), \(warm)")
                }
                #expect(pool.statistics.connectionsClosed == 0)
            }
            #expect(Counted.alive.load(ordering: .relaxed) == 0)
        }
    }

    @Test("A replaced connection releases its functions")
    func replacements() async {
        await #expect(processExitsWith: .success) {
            try await withPool(FunctionLifetimeTests.configuration()) { pool in
                for _ in 0..<200 {
                    try await pool.write { db in
                        _ = try db.query("SELECT checked(1)", as: String.self)
                        db.discardAfterUse()
                    }
                }
                #expect(pool.statistics.writer.created >= 200 && Counted.alive.load(ordering: .relaxed) == 1)
            }
            #expect(Counted.alive.load(ordering: .relaxed) == 0)
        }
    }
}
