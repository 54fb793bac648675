// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if LoggingSupport
    public import Logging

    /// Logs what happens in a ``ConnectionPool``, by swift-log. With the trait `LoggingSupport`.
    ///
    /// ```swift
    /// let pool = try ConnectionPool(factory: factory, observers: [.logging(logger)])
    /// ```
    ///
    /// | level | what |
    /// | --- | --- |
    /// | warning | a connect that failed, callers that are refused, a lease that has lasted too long, a task that waits while it holds a connection |
    /// | notice | the circuit breaker has opened or closed |
    /// | debug | a connection that is made or closed, each caller that is refused, a lease that has ended after it was reported |
    /// | trace | a caller that has waited, and about once a second how the pool stands |
    ///
    /// Refused callers cost at most two warnings in ten seconds for each error code: the first refusal at once, and at the end the
    /// number of the others. Callers that were cancelled, or that found the pool closed, are logged at debug alone.
    ///
    /// Each message has the metadata `pool`, with the pool's name. Of a message that the logger's level leaves out, nothing is
    /// put together.
    public struct PoolLogger: PoolObserver {
        package let logger: Logger
        private let refusals = RefusalLimiter()

        /// An observer that logs to `logger`.
        public init(_ logger: Logger) { self.logger = logger }

        /// Logs an event.
        public func observe(_ event: PoolEvent, in pool: String) {
            switch event {
            case .connected(let duration):
                logger.debug("Connected.", metadata: ["pool": "\(pool)", "duration": "\(duration)"])
            case .connectFailed(let error, let failures):
                logger.warning(
                    "A connect has failed.",
                    metadata: ["pool": "\(pool)", "error": "\(error)", "failures": "\(failures)"]
                )
            case .closing(.detached): logger.debug("A connection was detached.", metadata: ["pool": "\(pool)"])
            case .closing(let reason):
                logger.debug("A connection is closed.", metadata: ["pool": "\(pool)", "reason": "\(reason)"])
            case .waited(let duration):
                logger.trace("A caller has waited.", metadata: ["pool": "\(pool)", "duration": "\(duration)"])
            case .refused(let error):
                logger.log(
                    level: refusals.admits(error.code, in: pool) ? .warning : .debug,
                    "A caller got no connection.",
                    metadata: ["pool": "\(pool)", "code": "\(error.code)", "error": "\(error)"]
                )
            case .used(let duration):
                logger.trace("A connection was used.", metadata: ["pool": "\(pool)", "duration": "\(duration)"])
            case .nested(let place, let holding):
                logger.warning(
                    "A task waits for a connection while it holds one.",
                    metadata: ["pool": "\(pool)", "place": "\(place)", "holding": "\(holding)"]
                )
            case .leaked(let place, let age):
                logger.warning(
                    "A lease lasts too long.",
                    metadata: ["pool": "\(pool)", "place": "\(place)", "age": "\(age)"]
                )
            case .recovered(let place, let age):
                logger.debug(
                    "A lease that lasted too long has ended.",
                    metadata: ["pool": "\(pool)", "place": "\(place)", "age": "\(age)"]
                )
            case .breakerOpened(let cause):
                logger.notice(
                    "The circuit breaker has opened: callers are refused until a connect succeeds.",
                    metadata: ["pool": "\(pool)", "error": cause.map { "\($0)" } ?? "none"]
                )
            case .breakerClosed(let duration):
                logger.notice(
                    "The circuit breaker has closed: a connect has succeeded.",
                    metadata: ["pool": "\(pool)", "duration": "\(duration)"]
                )
            }
        }

        /// Logs how the pool stands, and how many callers were refused without a warning of their own.
        public func observe(_ status: PoolStatus, in pool: String) {
            for (code, count) in refusals.endOfRound(in: pool) {
                logger.warning(
                    "More callers got no connection.",
                    metadata: ["pool": "\(pool)", "code": "\(code)", "count": "\(count)"]
                )
            }
            logger.trace(
                "How the pool stands.",
                metadata: [
                    "pool": "\(pool)",
                    "leased": "\(status.leased)",
                    "idle": "\(status.idle)",
                    "changing": "\(status.changing)",
                    "waiting": "\(status.waiting)",
                    "maximum": "\(status.maximum)",
                ]
            )
        }
    }

    /// Decides which refused callers are worth a warning. Its clock is the report that a pool makes once a second.
    private final class RefusalLimiter: Sendable {
        private struct Window {
            /// Refusals since the one that was logged.
            var suppressed = 0
            var roundsLeft = 10
        }

        private let windows = Locked<[String: [PoolError.Code: Window]]>([:])

        /// Whether a refusal is to be logged at a level of its own; else it is counted.
        func admits(_ code: PoolError.Code, in pool: String) -> Bool {
            if code == .cancelled || code == .closed { return false }
            return windows.withLock { windows in
                if windows[pool]?[code] == nil {
                    windows[pool, default: [:]][code] = Window()
                    return true
                }
                windows[pool]![code]!.suppressed += 1
                return false
            }
        }

        /// Ends the windows whose time is over.
        ///
        /// - Returns: How many refusals they have suppressed, by code, in the order of the codes.
        func endOfRound(in pool: String) -> [(PoolError.Code, Int)] {
            let ended = windows.withLock { windows -> [PoolError.Code: Window] in
                guard var codes = windows[pool] else { return [:] }
                for code in codes.keys { codes[code]!.roundsLeft -= 1 }
                let ended = codes.filter { $0.value.roundsLeft <= 0 }
                codes = codes.filter { $0.value.roundsLeft > 0 }
                windows[pool] = codes.isEmpty ? nil : codes
                return ended
            }
            return ended.filter { $0.value.suppressed > 0 }
                .map { ($0.key, $0.value.suppressed) }
                .sorted { $0.0.description < $1.0.description }
        }
    }

    extension PoolObserver where Self == PoolLogger {
        /// An observer that logs to `logger`; see ``PoolLogger``.
        public static func logging(_ logger: Logger) -> PoolLogger { PoolLogger(logger) }
    }
#endif
