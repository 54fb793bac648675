// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The file of a pool, and the state that its connections share.
final class SQLiteFile: Sendable {
    let location: SQLiteLocation
    let configuration: SQLiteConfiguration
    let log = LogStatus()
    /// The statistics that the connections' planners want; `nil` if no connection may write them.
    let statistics: PlannerStatistics?
    private let observers: [any SQLitePoolObserver]

    /// Whether the file is known to exist and to have a write-ahead log.
    let isPrepared = Atomic(false)

    /// The name of the file in errors.
    var path: String { location.path }

    init(
        _ location: SQLiteLocation,
        configuration: SQLiteConfiguration,
        observers: [any SQLitePoolObserver] = [],
        clock: (@Sendable () -> UInt64)? = nil
    ) {
        self.location = location
        self.configuration = configuration
        statistics = PlannerStatistics(configuration, clock: clock)
        self.observers = observers
    }

    /// Sends an event to the observers. The event is created only if there are any.
    func notify(_ event: @autoclosure () -> SQLitePoolEvent) {
        guard !observers.isEmpty else { return }
        let event = event()
        for observer in observers { observer.observe(event, in: configuration.name) }
    }
}
