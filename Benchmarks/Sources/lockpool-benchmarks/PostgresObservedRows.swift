// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling
import Synchronization

/// The time of a select with and without an observer of statements, from one task on one
/// connection. The part `observed`.
enum PostgresObservedRows {
    private final class Observer: StatementObserver {
        let time = Atomic<Int64>(0)

        func observe(_ event: StatementEvent) {
            time.add(event.duration.components.attoseconds / 1_000_000_000, ordering: .relaxed)
        }
    }

    static func run(
        _ server: PostgresSelectRows.Server,
        _ options: Options,
        into report: inout Report
    ) async throws {
        let plain = try server.pool(connections: 1)
        let observed = try server.pool(connections: 1, statementObservers: [Observer()])
        for pool in [plain, observed] { try await PostgresSelectRows.warmUp(pool, connections: 1) }
        let (slices, selects) = (options.isQuick ? 20 : 100, 200)
        for round in 0...options.rounds {
            var (plainTime, observedTime) = (0.0, 0.0)
            // In short turns, because the speed of a machine changes.
            for _ in 0..<slices {
                plainTime += await time(of: selects, on: plain, server)
                observedTime += await time(of: selects, on: observed, server)
            }
            if round == 0 { continue }  // warm-up
            let count = Double(slices * selects)
            report.add("postgres.unobserved.c1.us", plainTime / count / 1e3, "µs")
            report.add("postgres.observed.c1.us", observedTime / count / 1e3, "µs")
            report.add("postgres.observed.c1.perunobserved", observedTime / plainTime, "× unobserved")
        }
        await plain.close()
        await observed.close()
    }

    private static func time(of count: Int, on pool: PostgresPool, _ server: PostgresSelectRows.Server) async -> Double
    {
        var random = CoreRows.Random(state: 88_172_645_463_325_252)
        let start = nanoseconds()
        for _ in 0..<count { await PostgresSelectRows.select(pool, random.next(below: server.accounts) + 1) }
        return Double(nanoseconds() - start)
    }
}
