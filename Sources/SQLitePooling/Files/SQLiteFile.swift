// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

/// The file of a pool, and the state that its connections share.
final class SQLiteFile: Sendable {
    let location: SQLiteLocation
    let configuration: SQLiteConfiguration
    let log = LogStatus()
    /// The statistics that the connections' planners want; `nil` if no connection may write them.
    let statistics: PlannerStatistics?
    let hooks: SQLiteHooks
    private let observers: [any SQLitePoolObserver]
    let statementObservers: [any StatementObserver]
    /// The threads that the connections share; `nil` if each has a thread of its own.
    let threads: SharedThreads?
    /// The subscribers to changes.
    let changes = ChangeHub()
    /// Suspends a task for a duration of the pool's clock.
    let sleep: @Sendable (Duration) async throws -> Void
    /// The monotonic clock, in nanoseconds; `nil` for the system's clock.
    private let clock: (@Sendable () -> UInt64)?

    /// The number of times that the file may have been replaced by another one.
    private let generation = Atomic(0)
    /// The generation that is known to exist and to have a write-ahead log.
    private let preparedGeneration = Atomic(-1)

    /// The name of the file in errors.
    var path: String { location.path }

    init(
        _ location: SQLiteLocation,
        configuration: SQLiteConfiguration,
        hooks: SQLiteHooks = .init(),
        observers: [any SQLitePoolObserver] = [],
        statementObservers: [any StatementObserver] = [],
        threads: SharedThreads? = nil,
        clock: (@Sendable () -> UInt64)? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.location = location
        self.configuration = configuration
        statistics = PlannerStatistics(configuration, clock: clock)
        self.hooks = hooks
        self.observers = observers
        self.statementObservers = statementObservers
        self.threads = threads
        self.clock = clock
        self.sleep = sleep
    }

    /// Whether a new connection runs statements or a hook before its first use.
    var hasSetup: Bool { !configuration.setup.isEmpty || hooks.afterConnect != nil }

    /// Whether the file is known to exist and to have a write-ahead log.
    var isPrepared: Bool {
        preparedGeneration.load(ordering: .relaxed) == generation.load(ordering: .relaxed)
    }

    /// Returns the generation of the file for ``notePreparation(of:)``. Called before the file is
    /// opened.
    func beginPreparation() -> Int { generation.load(ordering: .relaxed) }

    /// Notes that a generation of the file exists and has a write-ahead log.
    func notePreparation(of generation: Int) { preparedGeneration.store(generation, ordering: .relaxed) }

    /// Notes that another file may be at the path. The next reader prepares it.
    func forgetPreparation() { generation.add(1, ordering: .relaxed) }

    /// The time for the ages of connections, in nanoseconds.
    var now: UInt64 { clock?() ?? lockpool_instant() }

    /// Sends an event to the observers. The event is created only if there are any.
    func notify(_ event: @autoclosure () -> SQLitePoolEvent) {
        guard !observers.isEmpty else { return }
        let event = event()
        for observer in observers { observer.observe(event, in: configuration.pool.name) }
    }
}
