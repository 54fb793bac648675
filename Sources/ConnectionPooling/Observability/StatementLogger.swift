// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if LoggingSupport
    internal import LockPool
    public import Logging
    internal import Synchronization

    /// Logs slow statements by swift-log. Requires the trait `LoggingSupport`.
    ///
    /// ```swift
    /// let slow = StatementLogger(logger, slowerThan: .milliseconds(200))
    /// let pool = try PostgresPool(url, statementObservers: [slow])
    /// ```
    ///
    /// In each interval, at most ``maximumPerInterval`` statements are logged. The first statement
    /// of any duration that ends after the interval logs the number of the others.
    ///
    /// The metadata are `pool`, `connection`, `statement`, `parameterTypes`, `duration`, `wait`,
    /// `callSite`, `rows` and `error`, as far as they are known. They contain no values.
    public struct StatementLogger: StatementObserver {
        private let logger: Logger
        private let threshold: Duration
        private let limiter = IntervalLimiter()

        /// The level of the messages. The default is `warning`.
        public var level = Logger.Level.warning

        /// The largest number of statements that are logged in an interval. The default is 10.
        public var maximumPerInterval = 10

        /// The length of an interval. The default is ten seconds.
        public var interval = Duration.seconds(10)

        /// The length, in bytes, up to which the text of a statement is logged. The default is
        /// 1,000.
        public var maximumTextLength = 1_000

        /// Creates an observer that logs slow statements.
        ///
        /// - Parameters:
        ///   - logger: The logger.
        ///   - threshold: The duration from which a statement is slow, without the wait for a
        ///     connection.
        public init(_ logger: Logger, slowerThan threshold: Duration) {
            self.logger = logger
            self.threshold = threshold
        }

        /// Logs a statement if it was slow.
        public func observe(_ event: StatementEvent) {
            // A level below the logger's costs nothing.
            guard logger.logLevel <= level else { return }
            if let count = limiter.takeSuppressed(at: event.end) {
                logger.log(level: level, "More statements were slow.", metadata: ["count": "\(count)"])
            }
            guard event.duration >= threshold,
                limiter.admits(at: event.end, atMost: maximumPerInterval, in: interval.wholeNanoseconds)
            else { return }
            logger.log(level: level, "A statement was slow.", metadata: metadata(of: event))
        }

        private func metadata(of event: StatementEvent) -> Logger.Metadata {
            var metadata: Logger.Metadata = [
                "pool": "\(event.connection.pool)",
                "connection": "\(event.connection.number)",
                "statement": "\(event.text(upTo: max(0, maximumTextLength)))",
                "duration": "\(event.duration)",
            ]
            if !event.parameterTypes.isEmpty {
                metadata["parameterTypes"] = .array(event.parameterTypes.map { "\($0)" })
            }
            if let wait = event.wait { metadata["wait"] = "\(wait)" }
            if let callSite = event.callSite { metadata["callSite"] = "\(callSite)" }
            if let rowCount = event.rowCount { metadata["rows"] = "\(rowCount)" }
            if event.pipelineLength > 1 { metadata["pipelineLength"] = "\(event.pipelineLength)" }
            if case .failed(let failure) = event.outcome { metadata["error"] = "\(failure.code)" }
            return metadata
        }
    }

    /// Admits a number of events in each interval, and counts the others.
    private final class IntervalLimiter: Sendable {
        private struct Interval {
            var end: UInt64 = 0
            var admitted = 0
            var suppressed = 0
        }

        private let current = Locked(Interval())

        /// The end of an interval that has suppressed events; otherwise the largest instant.
        private let reportInstant = Atomic(UInt64.max)

        /// Whether an event is logged. If not, it is counted.
        func admits(at instant: UInt64, atMost limit: Int, in length: UInt64) -> Bool {
            current.withLock { current in
                if instant >= current.end, current.suppressed == 0 {
                    current = Interval(end: instant &+ min(length, .max - instant))
                }
                if current.admitted < limit {
                    current.admitted += 1
                    return true
                }
                current.suppressed += 1
                // The value needs no ordering: the count is read under the lock.
                reportInstant.store(current.end, ordering: .relaxed)
                return false
            }
        }

        /// Returns the number of suppressed events of an interval that has ended, once.
        func takeSuppressed(at instant: UInt64) -> Int? {
            if instant < reportInstant.load(ordering: .relaxed) { return nil }
            return current.withLock { current in
                guard current.suppressed > 0, instant >= current.end else { return nil }
                defer { current = Interval() }
                reportInstant.store(.max, ordering: .relaxed)
                return current.suppressed
            }
        }
    }

    extension StatementObserver where Self == StatementLogger {
        /// Returns an observer that logs slow statements; see ``StatementLogger``.
        ///
        /// - Parameters:
        ///   - logger: The logger.
        ///   - threshold: The duration from which a statement is slow.
        public static func logging(_ logger: Logger, slowerThan threshold: Duration) -> StatementLogger {
            StatementLogger(logger, slowerThan: threshold)
        }
    }
#endif
