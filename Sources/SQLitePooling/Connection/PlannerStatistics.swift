// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// The tables whose statistics the planners of a pool's connections want, and when the writer has
/// refreshed statistics.
final class PlannerStatistics: Sendable {
    /// A table of a database file. Connections may attach one file under different names.
    struct Table: Hashable {
        /// The path of the file, as SQLite resolves it.
        let path: String
        let name: String
    }

    /// The shortest time between two questions to the planner of one connection, and between two
    /// refreshes, in nanoseconds; `nil` to ask and refresh only on close.
    let interval: UInt64?
    /// The monotonic clock, in nanoseconds; `nil` for the system's.
    private let clock: (@Sendable () -> UInt64)?
    private let wanted = Locked<Set<Table>>([])
    private let isAnyWanted = Atomic(false)
    private let refreshCount = Atomic(0)
    /// When the writer may begin the next refresh. Shared, because a writer may be replaced more
    /// often than once in an interval.
    private let nextRefresh = Atomic(UInt64.max)

    /// Returns `nil` where no connection may write statistics, or the configuration asks for none.
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

    /// The number of refreshes that have ended. A connection that has read a schema before the
    /// last of them plans with old statistics.
    var refreshes: Int { refreshCount.load(ordering: .acquiring) }

    func want(_ tables: some Sequence<Table>) {
        wanted.withLock { wanted in
            wanted.formUnion(tables)
            isAnyWanted.store(!wanted.isEmpty, ordering: .relaxed)
        }
    }

    /// Whether the writer has to begin a refresh.
    var isRefreshDue: Bool { isWanted && now >= nextRefresh.load(ordering: .relaxed) }

    /// Returns the tables to analyse in a refresh if one is due, and begins the next interval.
    func beginRefresh() -> [Table] {
        guard isRefreshDue, let interval else { return [] }
        nextRefresh.store(now + interval, ordering: .relaxed)
        return takeWanted()
    }

    /// Returns the tables whose statistics are wanted, and forgets them.
    func takeWanted() -> [Table] {
        wanted.withLock { wanted in
            let tables = Array(wanted)
            wanted = []
            isAnyWanted.store(false, ordering: .relaxed)
            return tables
        }
    }

    /// Has the other connections load the new statistics.
    func noteRefresh() { refreshCount.add(1, ordering: .releasing) }
}
