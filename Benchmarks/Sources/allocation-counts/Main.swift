// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CAllocations
import ConnectionPooling
import LockPool

/// Prints heap allocations per operation of the area that the argument names, one name and number
/// a line.
@main
struct AllocationCounts {
    static func main() async throws {
        guard allocation_is_counted() != 0 else { return }
        switch CommandLine.arguments.dropFirst() {
        case ["core"]: await core()
        case ["pool"]: try await pool()
        default: fatalError("which area: core or pool?")
        }
    }

    static func core() async {
        await Task.detached {
            print("core.uncontended.allocations", uncontended(1_000_000))
            print("core.uncontended.get.allocations", await uncontendedGet(1_000_000))
            print("core.fixed.allocations", fixed(100_000))
            // A yield allocates a job. Each turn has one yield, so the rest are the wait's.
            let yields = await yields(tasks: 64, turns: 10_000)
            let turns = await waiting(tasks: 64, turns: 10_000)
            print("core.yield.allocations", yields)
            print("core.wait.allocations", max(0, turns - yields))
        }.value
    }

    static func pool() async throws {
        try await Task.detached {
            let pool = try ConnectionPool(factory: Factory())
            try await pool.withConnection { _ in }
            let count = 1_000_000
            var before = allocation_count()
            for _ in 0..<count { try await pool.withConnection { _ in } }
            print("pool.uncontended.allocations", Double(allocation_count() - before) / Double(count))
            before = allocation_count()
            for _ in 0..<count { _ = try await pool.getOrCreate() }
            print("pool.lease.allocations", Double(allocation_count() - before) / Double(count))
            let yields = await yields(tasks: 64, turns: 10_000)
            let small = try ConnectionPool(factory: Factory(), configuration: .init(maximumConnections: 4))
            let turns = await allocations(tasks: 64, turns: 10_000) {
                do {
                    try await small.withConnection { _ in await Task.yield() }
                } catch {
                    fatalError("\(error)")
                }
            }
            print("pool.wait.allocations", max(0, turns - yields))
        }.value
    }

    struct Factory: ConnectionFactory {
        struct Connection: ~Copyable, Sendable {}

        func connect() async throws -> Connection { Connection() }
        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Connection) async {}
    }

    static func uncontended(_ count: Int) -> Double {
        let pool = LockPool(count: 8, maximumWaiters: 8) { _ in UInt(0) }
        let before = allocation_count()
        for _ in 0..<count {
            var lease = pool.tryGet()!
            lease.element &+= 1
        }
        return Double(allocation_count() - before) / Double(count)
    }

    static func uncontendedGet(_ count: Int) async -> Double {
        let pool = LockPool(count: 8, maximumWaiters: 8) { _ in UInt(0) }
        let before = allocation_count()
        for _ in 0..<count {
            guard var lease = try? await pool.get() else { fatalError("no element") }
            lease.element &+= 1
        }
        return Double(allocation_count() - before) / Double(count)
    }

    /// Creates, uses and destroys a whole fixed pool each time.
    static func fixed(_ count: Int) -> Double {
        let before = allocation_count()
        for _ in 0..<count {
            let pool = FixedLockPool<4, 8, UInt>(repeating: 0)
            var lease = pool.tryGet()!
            lease.element &+= 1
        }
        return Double(allocation_count() - before) / Double(count)
    }

    static func yields(tasks: Int, turns: Int) async -> Double {
        await allocations(tasks: tasks, turns: turns) { await Task.yield() }
    }

    /// Nearly every get waits, with a deadline.
    static func waiting(tasks: Int, turns: Int) async -> Double {
        let pool = LockPool(count: 4, maximumWaiters: tasks) { _ in UInt(0) }
        return await allocations(tasks: tasks, turns: turns) {
            guard var lease = try? await pool.get(timeout: .seconds(60)) else { fatalError("no element") }
            lease.element &+= 1
            await Task.yield()
            lease.release()
        }
    }

    /// Returns the allocations for each of `turns` turns of each of `tasks` tasks. The first
    /// turns, in which tasks and their stacks grow, are not counted.
    static func allocations(tasks: Int, turns: Int, _ turn: @escaping @Sendable () async -> Void) async -> Double {
        await withTaskGroup(of: UInt64.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    for _ in 0..<100 { await turn() }
                    let before = allocation_count()
                    for _ in 0..<turns { await turn() }
                    return before
                }
            }
            var latest: UInt64 = 0
            for await before in group { latest = max(latest, before) }
            // From the end of the last task's warm-up. By then the other tasks have made some of
            // their turns, so this is a little too low for a short run, and never too high.
            return Double(allocation_count() - latest) / Double(tasks * turns)
        }
    }
}
