// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

/// Many callers that wait until their deadlines, each with its own.
enum DeadlineRows {
    static func run(_ options: Options, into report: inout Report) async throws {
        for _ in 0..<(options.isQuick ? 1 : 3) {
            report.add("pool.deadlines100000.cpums", try await deadlines(count: 100_000, seconds: 10), "ms")
        }
    }

    /// Returns the processor time of the whole process, in milliseconds, from the first of `count`
    /// waits to the end of the last. Their deadlines are spread evenly over `seconds`, in another
    /// order than the waiters.
    private static func deadlines(count: Int, seconds: Int) async throws -> Double {
        let pool = try ConnectionPool(
            factory: PoolRows.Factory(),
            configuration: .init(maximumConnections: 1, maximumWaiters: count)
        )
        let lease = try await pool.getOrCreate()
        let start = cpuNanoseconds()
        // Not in a task group: it searches a list of all its children for each that ends, which
        // takes 20 times as long as the waits.
        let callers = (0..<count)
            .map { number in
                let timeout = Duration.seconds(seconds) * (number * 7_919 % count + 1) / count
                return Task.detached {
                    do {
                        try await pool.getOrCreate(timeout: timeout).release()
                        fatalError("served without a connection")
                    } catch {}
                }
            }
        for caller in callers { await caller.value }
        let spent = cpuNanoseconds() - start
        lease.release()
        await pool.close()
        return Double(spent) / 1e6
    }
}
