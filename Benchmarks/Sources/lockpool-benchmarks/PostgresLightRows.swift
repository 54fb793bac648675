// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

/// The processor time of a select where the load is light: 16 tasks send 3,000 a second together.
/// The part `light`.
enum PostgresLightRows {
    static func run(
        _ server: PostgresSelectRows.Server,
        _ options: Options,
        into report: inout Report
    ) async throws {
        let (tasks, rate) = (16, 3_000)
        let pool = try server.pool(connections: tasks)
        try await PostgresSelectRows.warmUp(pool, connections: tasks)
        for round in 0...options.rounds {
            let seconds = options.isQuick ? 1 : 5
            let cpu = cpuNanoseconds()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<tasks {
                    group.addTask { try await select(pool, task: task, of: tasks, rate: rate, seconds: seconds) }
                }
                try await group.waitForAll()
            }
            let spent = Double(cpuNanoseconds() - cpu) / Double(rate * seconds)
            if round == 0 { continue }  // warm-up
            report.add("postgres.light3000.cpuus", spent / 1e3, "µs")
        }
        await pool.close()
    }

    /// Sends one task's share at fixed instants, evenly between those of the other tasks.
    private static func select(_ pool: PostgresPool, task: Int, of tasks: Int, rate: Int, seconds: Int) async throws {
        var random = CoreRows.Random(state: 88_172_645_463_325_252 &+ UInt64(task) &* 7_919)
        let clock = ContinuousClock()
        let interval = Duration.seconds(1) * tasks / rate
        var next = clock.now + interval * task / tasks
        for _ in 0..<rate * seconds / tasks {
            try await clock.sleep(until: next)
            await PostgresSelectRows.select(pool, random.next(below: 1_000_000) + 1)
            next += interval
        }
    }
}
