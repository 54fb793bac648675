// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if MetricsSupport
    public import CoreMetrics
    internal import LockPool

    /// Measures ``ConnectionPool``s by swift-metrics, under the names of OpenTelemetry's semantic
    /// conventions for database client metrics. Requires the trait `MetricsSupport`.
    ///
    /// ```swift
    /// let pool = try ConnectionPool(factory: factory, observers: [.metrics()])
    /// ```
    ///
    /// | metric | instrument | unit |
    /// | --- | --- | --- |
    /// | `db.client.connection.count` | `Meter` | `{connection}` |
    /// | `db.client.connection.idle.max` | `Meter` | `{connection}` |
    /// | `db.client.connection.idle.min` | `Meter` | `{connection}` |
    /// | `db.client.connection.max` | `Meter` | `{connection}` |
    /// | `db.client.connection.pending_requests` | `Meter` | `{request}` |
    /// | `db.client.connection.timeouts` | `Counter` | `{timeout}` |
    /// | `db.client.connection.create_time` | `Timer` | `s` |
    /// | `db.client.connection.wait_time` | `Timer` | `s` |
    /// | `db.client.connection.use_time` | `Timer` | `s` |
    /// | `lock_pool.acquired` | `Counter` | `{connection}` |
    /// | `lock_pool.created` | `Counter` | `{connection}` |
    /// | `lock_pool.connect_failures` | `Counter` | `{connection}` |
    /// | `lock_pool.closed` | `Counter` | `{connection}` |
    /// | `lock_pool.validation_failures` | `Counter` | `{connection}` |
    /// | `lock_pool.refused` | `Counter` | `{request}` |
    /// | `lock_pool.cancelled` | `Counter` | `{request}` |
    /// | `lock_pool.breaker.open` | `Meter` | `1` |
    ///
    /// Each metric has the dimension `db.client.connection.pool.name`. `count` also has
    /// `db.client.connection.state`, which is `idle` or `used`, and `lock_pool.closed` has
    /// `lock_pool.reason`, the name of a ``ConnectionEnd``. `wait_time` includes only callers
    /// that had to wait.
    ///
    /// All metrics except `create_time` and `breaker.open` are updated about once a second, and
    /// once more when the pool has been closed or dropped. No checkout and no return thus waits
    /// for a metric. A duration is recorded in its bucket, a quarter wide or less; the number of
    /// durations and their sum are exact.
    ///
    /// OpenTelemetry's UpDownCounter is a `Meter` here, whose value is set: the sum is known, so
    /// counting errors cannot accumulate. Durations are recorded in a `Timer`, which has a unit:
    /// it takes nanoseconds, and the backends of OpenTelemetry and Prometheus convert them to
    /// seconds, in buckets that suit durations.
    ///
    /// One observer may serve any number of pools. It creates the metrics of a pool at the pool's
    /// first event.
    public final class PoolMetrics: PoolObserver {
        private let measuresUses: Bool
        private let factory: (any MetricsFactory)?
        private let namesUnits: Bool
        private let instruments = Locked<[String: Instruments]>([:])
        private let furtherInstruments = Locked<[String: any Sendable]>([:])

        /// Creates an observer that measures pools.
        ///
        /// - Parameters:
        ///   - factory: The factory of the metrics; `nil` for the factory that is installed at a
        ///     pool's first event.
        ///   - measuresUses: Whether uses are recorded in `use_time`, which costs a record for
        ///     each use once a second.
        ///   - namesUnits: Whether each metric has the dimension `unit` with OpenTelemetry's
        ///     unit. swift-otel uses it as the metric's unit; other backends show it as a
        ///     dimension.
        public init(factory: (any MetricsFactory)? = nil, measuresUses: Bool = true, namesUnits: Bool = false) {
            self.factory = factory
            self.namesUnits = namesUnits
            self.measuresUses = measuresUses
        }

        /// Updates the metrics of an event.
        public func observe(_ event: PoolEvent, in pool: String) {
            switch event {
            case .connected(let duration): instruments(of: pool).createTime.record(duration)
            case .breakerOpened: instruments(of: pool).breakerOpen.set(1)
            case .breakerClosed: instruments(of: pool).breakerOpen.set(0)
            case .connectFailed, .closing, .waited, .refused, .used, .nested, .leaked, .recovered: break
            }
        }

        /// Sets the meters, and records the changes since the last report.
        ///
        /// - Complexity: O(waits and uses since the last report).
        public func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String) {
            let instruments = instruments(of: pool)
            let status = snapshot.status
            instruments.used.set(status.leased)
            instruments.idle.set(status.idle)
            // All connections may be idle at the same time.
            instruments.idleMaximum.set(status.maximum)
            instruments.idleMinimum.set(status.minimum)
            instruments.maximum.set(status.maximum)
            instruments.pendingRequests.set(status.waiting)
            instruments.count(snapshot.counters - previous.counters)
            instruments.waitTime.record(snapshot.waitTimes - previous.waitTimes)
            if measuresUses { instruments.useTime.record(snapshot.useTimes - previous.useTimes) }
        }

        /// Returns instruments for events of one kind of pool only. Creates them at the first
        /// event.
        ///
        /// - Parameters:
        ///   - key: The name of the instruments and of the pool.
        ///   - pool: The name of the pool.
        ///   - make: Returns instruments from the factory and the dimensions. Concurrent first
        ///     events may call it more than once.
        package func instruments<Instruments: Sendable>(
            _ key: String,
            of pool: String,
            make: (any MetricsFactory, _ dimensions: (_ unit: String) -> [(String, String)]) -> Instruments
        ) -> Instruments {
            if let known = furtherInstruments.withLock({ $0[key] }) as? Instruments { return known }
            let new = make(factory ?? MetricsSystem.factory) { unit in
                [("db.client.connection.pool.name", pool)] + (namesUnits ? [("unit", unit)] : [])
            }
            furtherInstruments.withLock { $0[key] = new }
            return new
        }

        private func instruments(of pool: String) -> Instruments {
            if let known = instruments.withLock({ $0[pool] }) { return known }
            // Not under the lock, because it calls the factory. The first result is kept. For a
            // factory the same name is the same metric.
            let new = Instruments(of: pool, by: factory ?? MetricsSystem.factory, namesUnits: namesUnits)
            return instruments.withLock { instruments in
                if let known = instruments[pool] { return known }
                instruments[pool] = new
                return new
            }
        }
    }

    /// The metrics of one pool.
    private final class Instruments: Sendable {
        let used: Meter
        let idle: Meter
        let idleMaximum: Meter
        let idleMinimum: Meter
        let maximum: Meter
        let pendingRequests: Meter
        let timeouts: Counter
        let createTime: Timer
        let waitTime: Timer
        let useTime: Timer
        let acquired: Counter
        let created: Counter
        let connectFailures: Counter
        let closed: [ConnectionEnd: Counter]
        let validationFailures: Counter
        let refused: Counter
        let cancelled: Counter
        let breakerOpen: Meter

        init(of pool: String, by factory: any MetricsFactory, namesUnits: Bool) {
            func label(_ name: String) -> String { "db.client.connection.\(name)" }
            func dimensions(_ unit: String) -> [(String, String)] {
                [("db.client.connection.pool.name", pool)] + (namesUnits ? [("unit", unit)] : [])
            }
            func count(_ state: String) -> Meter {
                Meter(
                    label: label("count"),
                    dimensions: dimensions("{connection}") + [("db.client.connection.state", state)],
                    factory: factory
                )
            }
            func meter(_ name: String, _ unit: String) -> Meter {
                Meter(label: label(name), dimensions: dimensions(unit), factory: factory)
            }
            func timer(_ name: String) -> Timer {
                Timer(label: label(name), dimensions: dimensions("s"), factory: factory)
            }
            used = count("used")
            idle = count("idle")
            idleMaximum = meter("idle.max", "{connection}")
            idleMinimum = meter("idle.min", "{connection}")
            maximum = meter("max", "{connection}")
            pendingRequests = meter("pending_requests", "{request}")
            timeouts = Counter(label: label("timeouts"), dimensions: dimensions("{timeout}"), factory: factory)
            createTime = timer("create_time")
            waitTime = timer("wait_time")
            useTime = timer("use_time")
            func counter(_ name: String, _ unit: String, _ further: [(String, String)] = []) -> Counter {
                Counter(label: "lock_pool.\(name)", dimensions: dimensions(unit) + further, factory: factory)
            }
            acquired = counter("acquired", "{connection}")
            created = counter("created", "{connection}")
            connectFailures = counter("connect_failures", "{connection}")
            closed = Dictionary(
                uniqueKeysWithValues: ConnectionEnd.allCases.map { end in
                    (end, counter("closed", "{connection}", [("lock_pool.reason", "\(end)")]))
                }
            )
            validationFailures = counter("validation_failures", "{connection}")
            refused = counter("refused", "{request}")
            cancelled = counter("cancelled", "{request}")
            breakerOpen = Meter(label: "lock_pool.breaker.open", dimensions: dimensions("1"), factory: factory)
        }

        func count(_ counts: PoolCounters) {
            func add(_ count: Int, to counter: Counter?) { if count > 0 { counter?.increment(by: count) } }
            add(counts.timedOut, to: timeouts)
            add(counts.acquired, to: acquired)
            add(counts.created, to: created)
            add(counts.connectFailures, to: connectFailures)
            for (end, count) in counts.closed { add(count, to: closed[end]) }
            add(counts.validationFailures, to: validationFailures)
            add(counts.refused, to: refused)
            add(counts.cancelled, to: cancelled)
        }
    }

    extension Timer {
        package func record(_ duration: Duration) { recordNanoseconds(duration.wholeNanoseconds) }

        func record(_ durations: DurationHistogram) { durations.forEachRepresentative { recordNanoseconds($0) } }
    }

    extension PoolObserver where Self == PoolMetrics {
        /// Returns an observer that measures pools; see ``PoolMetrics``.
        ///
        /// - Parameters:
        ///   - factory: The factory of the metrics; `nil` for the factory that is installed at a
        ///     pool's first event.
        ///   - measuresUses: Whether uses are recorded in `use_time`, which costs a record for
        ///     each use once a second.
        ///   - namesUnits: Whether each metric has the dimension `unit` with OpenTelemetry's
        ///     unit.
        public static func metrics(
            factory: (any MetricsFactory)? = nil,
            measuresUses: Bool = true,
            namesUnits: Bool = false
        ) -> PoolMetrics {
            PoolMetrics(factory: factory, measuresUses: measuresUses, namesUnits: namesUnits)
        }
    }
#endif
