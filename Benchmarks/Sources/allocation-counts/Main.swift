// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CAllocations
import LockPool

/// Prints heap allocations per operation, a line each: a name and a number.
@main
struct AllocationCounts {
    static func main() async {
        guard allocation_is_counted() != 0 else { return }
        await Task.detached {
            print("core.uncontended.allocations", uncontended(1_000_000))
            print("core.uncontended.get.allocations", await uncontendedGet(1_000_000))
            print("core.wait.allocations", await waiting(tasks: 64, turns: 10_000))
        }.value
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

    /// Each task gets one turn after the other; nearly every get waits. The first turns, in which tasks and their stacks
    /// grow, are not counted.
    static func waiting(tasks: Int, turns: Int) async -> Double {
        let pool = LockPool(count: 4, maximumWaiters: tasks) { _ in UInt(0) }
        return await withTaskGroup(of: UInt64.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var before: UInt64 = 0
                    for turn in 0..<turns + 100 {
                        if turn == 100 { before = allocation_count() }
                        guard var lease = try? await pool.get(timeout: .seconds(60)) else { fatalError("no element") }
                        lease.element &+= 1
                        await Task.yield()
                        lease.release()
                    }
                    return before
                }
            }
            var earliest = UInt64.max
            for await before in group { earliest = min(earliest, before) }
            return Double(allocation_count() - earliest) / Double(tasks * turns)
        }
    }
}
