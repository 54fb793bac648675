// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What happens while migrations are applied.
public enum MigrationEvent: Sendable {
    /// Another process applies migrations, and this one waits for it. Reported once.
    case waiting
    /// A migration begins.
    case began(String)
    /// A migration is applied.
    case applied(String, Duration)
    /// A migration has failed, with the error that the call throws.
    case failed(String, any Error)
}

#if LoggingSupport
    public import Logging

    extension MigrationEvent {
        /// Logs the event by swift-log. Requires the trait `LoggingSupport`.
        ///
        /// An applied migration is logged at the level `notice`, a failed one at `error`, the rest
        /// at `info`. The metadata `migration` has its name.
        public func log(to logger: Logger) {
            switch self {
            case .waiting: logger.info("Another process applies migrations.")
            case .began(let name): logger.info("A migration begins.", metadata: ["migration": "\(name)"])
            case .applied(let name, let duration):
                logger.notice(
                    "A migration is applied.",
                    metadata: ["migration": "\(name)", "duration": "\(duration)"]
                )
            case .failed(let name, let error):
                logger.error("A migration has failed.", metadata: ["migration": "\(name)", "error": "\(error)"])
            }
        }
    }
#endif
