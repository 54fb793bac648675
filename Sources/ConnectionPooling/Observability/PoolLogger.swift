// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if LoggingSupport
    public import Logging

    /// Logs the events of a ``ConnectionPool`` by swift-log. Requires the trait `LoggingSupport`.
    ///
    /// ```swift
    /// let pool = try ConnectionPool(factory: factory, observers: [.logging(logger)])
    /// ```
    ///
    /// | level | events |
    /// | --- | --- |
    /// | warning | a failed connection attempt, refused callers, a lease that lasts too long, a task that waits while it holds a connection |
    /// | notice | the circuit breaker opens or closes |
    /// | debug | a connection is made or closed, a caller is refused, a reported lease ends |
    /// | trace | a caller has waited, and about once a second the pool's status |
    ///
    /// Refused callers cause at most two warnings in ten seconds for each error code: one for the
    /// first refusal, and one at the end with the number of the others. Cancelled callers and
    /// callers of a closed pool are logged at debug only.
    ///
    /// Each message has the metadata `pool` with the pool's name. No message is composed below
    /// the logger's level.
    public struct PoolLogger: PoolObserver {
        package let logger: Logger
        private let refusals = RefusalLimiter()

        /// Creates an observer that logs to `logger`.
        public init(_ logger: Logger) { self.logger = logger }

        /// Logs an event.
        public func observe(_ event: PoolEvent, in pool: String) {
            switch event {
            case .connected(let duration):
                logger.debug("A connection was made.", metadata: ["pool": "\(pool)", "duration": "\(duration)"])
            case .connectFailed(let error, let failures):
                logger.warning(
                    "A connection attempt has failed.",
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
            case .nested(let callSite, let holding):
                logger.warning(
                    "A task waits for a connection while it holds one.",
                    metadata: ["pool": "\(pool)", "callSite": "\(callSite)", "holding": "\(holding)"]
                )
            case .leaked(let callSite, let age):
                logger.warning(
                    "A lease lasts too long.",
                    metadata: ["pool": "\(pool)", "callSite": "\(callSite)", "age": "\(age)"]
                )
            case .recovered(let callSite, let age):
                logger.debug(
                    "A lease that lasted too long has ended.",
                    metadata: ["pool": "\(pool)", "callSite": "\(callSite)", "age": "\(age)"]
                )
            case .breakerOpened(let cause):
                logger.notice(
                    "The circuit breaker has opened: callers are refused until a connection attempt succeeds.",
                    metadata: ["pool": "\(pool)", "error": cause.map { "\($0)" } ?? "none"]
                )
            case .breakerClosed(let duration):
                logger.notice(
                    "The circuit breaker has closed: a connection attempt has succeeded.",
                    metadata: ["pool": "\(pool)", "duration": "\(duration)"]
                )
            }
        }

        /// Logs the pool's status, and the number of refused callers without a warning of their
        /// own.
        public func observe(_ status: PoolStatus, in pool: String) {
            for (code, count) in refusals.endOfInterval(in: pool) {
                logger.warning(
                    "More callers got no connection.",
                    metadata: ["pool": "\(pool)", "code": "\(code)", "count": "\(count)"]
                )
            }
            logger.trace(
                "Pool status.",
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

    /// Limits the warnings about refused callers. Its clock is the pool's report, once a second.
    private final class RefusalLimiter: Sendable {
        private struct Window {
            /// The number of refusals since the logged one.
            var suppressed = 0
            var reportsLeft = 10
        }

        private let windows = Locked<[String: [PoolError.Code: Window]]>([:])

        /// Whether a refusal is logged as a warning. If not, it is counted.
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

        /// Ends the windows whose time has passed.
        ///
        /// - Returns: The numbers of refusals that they have suppressed, ordered by code.
        func endOfInterval(in pool: String) -> [(PoolError.Code, Int)] {
            let ended = windows.withLock { windows -> [PoolError.Code: Window] in
                guard var codes = windows[pool] else { return [:] }
                for code in codes.keys { codes[code]!.reportsLeft -= 1 }
                let ended = codes.filter { $0.value.reportsLeft <= 0 }
                codes = codes.filter { $0.value.reportsLeft > 0 }
                windows[pool] = codes.isEmpty ? nil : codes
                return ended
            }
            return ended.filter { $0.value.suppressed > 0 }
                .map { ($0.key, $0.value.suppressed) }
                .sorted { $0.0.description < $1.0.description }
        }
    }

    extension PoolObserver where Self == PoolLogger {
        /// Returns an observer that logs to `logger`; see ``PoolLogger``.
        public static func logging(_ logger: Logger) -> PoolLogger { PoolLogger(logger) }
    }
#endif
