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
    /// | warning | a connect that failed, a lease that has lasted too long, a task that waits while it holds a connection |
    /// | debug | a connection that is made or closed, a caller that is refused, a lease that has ended after it was reported |
    /// | trace | a caller that has waited, and about once a second how the pool stands |
    ///
    /// Each message has the metadata `pool`, with the pool's name. Of a message that the logger's level leaves out, nothing is
    /// put together.
    public struct PoolLogger: PoolObserver {
        package let logger: Logger

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
            case .closing(let reason):
                logger.debug("A connection is closed.", metadata: ["pool": "\(pool)", "reason": "\(reason)"])
            case .waited(let duration):
                logger.trace("A caller has waited.", metadata: ["pool": "\(pool)", "duration": "\(duration)"])
            case .refused(let error):
                logger.debug(
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
            }
        }

        /// Logs how the pool stands.
        public func observe(_ status: PoolStatus, in pool: String) {
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

    extension PoolObserver where Self == PoolLogger {
        /// An observer that logs to `logger`; see ``PoolLogger``.
        public static func logging(_ logger: Logger) -> PoolLogger { PoolLogger(logger) }
    }
#endif
