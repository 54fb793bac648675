// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if MetricsSupport
    public import CoreMetrics

    /// Measures statements by swift-metrics, under the name of OpenTelemetry's semantic
    /// conventions for database client metrics. Requires the trait `MetricsSupport`.
    ///
    /// ```swift
    /// let pool = try PostgresPool(url, statementObservers: [.metrics()])
    /// ```
    ///
    /// The metric is `db.client.operation.duration`, a `Timer`. Its dimensions are
    /// `db.system.name`, `db.operation.name`, `db.namespace` and, after a failure, `error.type`,
    /// as far as they are known. The number of metrics is bounded by the numbers of SQL commands
    /// and of kinds of errors.
    public final class StatementMetrics: StatementObserver {
        private struct Key: Hashable {
            let system: String
            let database: String?
            let operation: String?
            let errorType: String?
        }

        private let factory: (any MetricsFactory)?
        private let namesUnits: Bool
        private let timers = Locked<[Key: Timer]>([:])

        /// Creates an observer that measures statements.
        ///
        /// - Parameters:
        ///   - factory: The factory of the metrics; `nil` for the factory that is installed at the
        ///     first statement of a kind.
        ///   - namesUnits: Whether the metric has the dimension `unit` with OpenTelemetry's unit.
        public init(factory: (any MetricsFactory)? = nil, namesUnits: Bool = false) {
            self.factory = factory
            self.namesUnits = namesUnits
        }

        /// Records the duration of a statement.
        public func observe(_ event: StatementEvent) {
            var errorType: String?
            if case .failed(let failure) = event.outcome { errorType = failure.code }
            let key = Key(
                system: event.connection.system,
                database: event.connection.database,
                operation: event.operation,
                errorType: errorType
            )
            timer(key).record(event.duration)
        }

        private func timer(_ key: Key) -> Timer {
            if let known = timers.withLock({ $0[key] }) { return known }
            var dimensions = [("db.system.name", key.system)]
            if let operation = key.operation { dimensions.append(("db.operation.name", operation)) }
            if let database = key.database { dimensions.append(("db.namespace", database)) }
            if let errorType = key.errorType { dimensions.append(("error.type", errorType)) }
            if namesUnits { dimensions.append(("unit", "s")) }
            // Not under the lock, because it calls the factory. For a factory the same name and
            // dimensions are the same metric.
            let new = Timer(
                label: "db.client.operation.duration",
                dimensions: dimensions,
                factory: factory ?? MetricsSystem.factory
            )
            return timers.withLock { timers in
                if let known = timers[key] { return known }
                timers[key] = new
                return new
            }
        }
    }

    extension StatementObserver where Self == StatementMetrics {
        /// Returns an observer that measures statements; see ``StatementMetrics``.
        ///
        /// - Parameters:
        ///   - factory: The factory of the metrics; `nil` for the factory that is installed at the
        ///     first statement of a kind.
        ///   - namesUnits: Whether the metric has the dimension `unit` with OpenTelemetry's unit.
        public static func metrics(
            factory: (any MetricsFactory)? = nil,
            namesUnits: Bool = false
        ) -> StatementMetrics {
            StatementMetrics(factory: factory, namesUnits: namesUnits)
        }
    }
#endif
