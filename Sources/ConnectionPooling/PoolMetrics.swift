// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if MetricsSupport
    public import CoreMetrics
    internal import LockPool

    /// Measures ``ConnectionPool``s, by swift-metrics, under the names of OpenTelemetry's semantic conventions for database client
    /// metrics. With the trait `MetricsSupport`.
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
    ///
    /// Each has the dimension `db.client.connection.pool.name`, and `count` also `db.client.connection.state`, which is `idle` or
    /// `used`. The meters are set about once a second, and once more when the pool has been closed. `wait_time` has the callers that
    /// had to wait, and no others.
    ///
    /// OpenTelemetry's UpDownCounter is a `Meter` here, whose value is set: the sum is known, so nothing can be counted wrongly. Times
    /// are given to a `Timer`, because that knows its unit: it takes nanoseconds, and the backends of OpenTelemetry and Prometheus
    /// make seconds of them, in buckets that are meant for times.
    ///
    /// One observer may serve any number of pools. What it needs of a pool is made when it hears of it first.
    public final class PoolMetrics: PoolObserver {
        /// Whether ``PoolEvent/used(_:)`` is wanted, for `use_time`.
        public let observesUses: Bool

        private let factory: (any MetricsFactory)?
        private let namesUnits: Bool
        private let instruments = Locked<[String: Instruments]>([:])
        private let furtherInstruments = Locked<[String: any Sendable]>([:])

        /// An observer that measures.
        ///
        /// - Parameters:
        ///   - factory: Makes the metrics; `nil` for the one that the program has installed when a pool is first heard of.
        ///   - measuresUses: Whether there is a `use_time`, which costs a little for each use of a connection.
        ///   - namesUnits: Whether each metric has the dimension `unit`, with OpenTelemetry's unit. swift-otel takes it for the
        ///     metric's unit; others show it as a dimension.
        public init(factory: (any MetricsFactory)? = nil, measuresUses: Bool = true, namesUnits: Bool = false) {
            self.factory = factory
            self.namesUnits = namesUnits
            observesUses = measuresUses
        }

        /// Measures an event.
        public func observe(_ event: PoolEvent, in pool: String) {
            switch event {
            case .connected(let duration): instruments(of: pool).createTime.record(duration)
            case .waited(let duration): instruments(of: pool).waitTime.record(duration)
            case .used(let duration): instruments(of: pool).useTime.record(duration)
            case .refused(let error):
                if error.code == .timedOut { instruments(of: pool).timeouts.increment() }
            case .connectFailed, .closing, .nested, .leaked, .recovered: break
            }
        }

        /// Sets the meters.
        public func observe(_ status: PoolStatus, in pool: String) {
            let instruments = instruments(of: pool)
            instruments.used.set(status.leased)
            instruments.idle.set(status.idle)
            // All may be idle at a time.
            instruments.idleMaximum.set(status.maximum)
            instruments.idleMinimum.set(status.minimum)
            instruments.maximum.set(status.maximum)
            instruments.pendingRequests.set(status.waiting)
        }

        /// Returns instruments for events that only one kind of pool has, and makes them for the first event.
        ///
        /// - Parameters:
        ///   - key: The name of the instruments and of the pool.
        ///   - pool: The name of the pool.
        ///   - make: Makes the instruments of the factory and the dimensions. Concurrent first events may call it more than once.
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
            // Not under the lock, because it calls out. Who is first counts, and for a factory the same name is the same metric.
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
        }
    }

    extension Timer {
        package func record(_ duration: Duration) { recordNanoseconds(duration.wholeNanoseconds) }
    }

    extension PoolObserver where Self == PoolMetrics {
        /// An observer that measures; see ``PoolMetrics``.
        ///
        /// - Parameters:
        ///   - factory: Makes the metrics; `nil` for the one that the program has installed when a pool is first heard of.
        ///   - measuresUses: Whether there is a `use_time`, which costs a little for each use of a connection.
        ///   - namesUnits: Whether each metric has the dimension `unit`, with OpenTelemetry's unit.
        public static func metrics(
            factory: (any MetricsFactory)? = nil,
            measuresUses: Bool = true,
            namesUnits: Bool = false
        ) -> PoolMetrics {
            PoolMetrics(factory: factory, measuresUses: measuresUses, namesUnits: namesUnits)
        }
    }
#endif
