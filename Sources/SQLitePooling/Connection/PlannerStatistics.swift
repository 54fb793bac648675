// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// The tables that the planners of a pool's connections want statistics for, and the times of the
/// writer's refreshes.
final class PlannerStatistics: Sendable {
    /// A table of a database file. Connections may attach one file under different names.
    struct Table: Hashable {
        /// The path of the file, as SQLite resolves it.
        let path: String
        let name: String
    }

    /// The shortest time between two queries of one connection's planner, and between two
    /// refreshes, in nanoseconds; `nil` to query and refresh only on close.
    let interval: UInt64?
    /// The monotonic clock, in nanoseconds; `nil` for the system's clock.
    private let clock: (@Sendable () -> UInt64)?
    private let wanted = Locked<Set<Table>>([])
    private let isAnyWanted = Atomic(false)
    private let refreshCount = Atomic(0)
    /// When the writer may begin the next refresh. Shared by all writers, because a writer may be
    /// replaced several times in an interval.
    private let nextRefresh = Atomic(UInt64.max)

    /// Returns `nil` if no connection may write statistics, or the configuration turns refreshes
    /// off.
    init?(_ configuration: SQLiteConfiguration, clock: (@Sendable () -> UInt64)?) {
        guard configuration.mode.mayWrite, configuration.trust == .trusted else { return nil }
        guard configuration.optimizeInterval != nil || configuration.optimizesOnClose else { return nil }
        interval = configuration.optimizeInterval?.wholeNanoseconds
        self.clock = clock
        if let interval { nextRefresh.store(now + interval, ordering: .relaxed) }
    }

    var now: UInt64 { clock?() ?? lockpool_instant() }

    /// Whether a planner wants statistics. O(1), without a lock.
    var isWanted: Bool { isAnyWanted.load(ordering: .relaxed) }

    /// The number of completed refreshes. A connection that read a schema before the last of them
    /// plans with old statistics.
    var refreshes: Int { refreshCount.load(ordering: .acquiring) }

    func want(_ tables: some Sequence<Table>) {
        wanted.withLock { wanted in
            wanted.formUnion(tables)
            isAnyWanted.store(!wanted.isEmpty, ordering: .relaxed)
        }
    }

    /// Whether the writer must begin a refresh.
    var isRefreshDue: Bool { isWanted && now >= nextRefresh.load(ordering: .relaxed) }

    /// Returns the tables to analyse if a refresh is due, and begins the next interval.
    func beginRefresh() -> [Table] {
        guard isRefreshDue, let interval else { return [] }
        nextRefresh.store(now + interval, ordering: .relaxed)
        return takeWanted()
    }

    /// Returns and clears the wanted tables.
    func takeWanted() -> [Table] {
        wanted.withLock { wanted in
            let tables = Array(wanted)
            wanted = []
            isAnyWanted.store(false, ordering: .relaxed)
            return tables
        }
    }

    /// Makes the other connections load the new statistics.
    func noteRefresh() { refreshCount.add(1, ordering: .releasing) }
}
