// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if LoggingSupport
    internal import ConnectionPooling
    public import Logging

    extension PostgresConfiguration {
        /// Logs the server's notices through ``onNotice``. Requires the trait `LoggingSupport`.
        ///
        /// ```swift
        /// var configuration = PostgresConfiguration("postgres://app@db.example.com/app")
        /// configuration.logNotices(to: logger)
        /// ```
        ///
        /// `WARNING` is logged as a warning, `NOTICE` as a notice, `DEBUG` as debug, and `INFO`
        /// and `LOG` as info. The message is the server's, with the metadata `pool` and
        /// `sqlState`, and `hint` if there is one. Control characters are written as escape
        /// sequences. The detail and the context, which may quote values, are omitted.
        ///
        /// - Parameter logger: The logger that receives the notices.
        public mutating func logNotices(to logger: Logger) {
            let pool = applicationName ?? self.pool.name
            onNotice = { notice in
                logger.log(level: notice.level, "\(notice.message)", metadata: notice.metadata(pool: pool))
            }
        }
    }

    extension PostgresError.ServerFields {
        fileprivate var level: Logger.Level {
            switch severity {
            case "WARNING": .warning
            case "NOTICE": .notice
            case "DEBUG": .debug
            default: .info
            }
        }

        fileprivate func metadata(pool: String) -> Logger.Metadata {
            var metadata: Logger.Metadata = ["pool": "\(pool)", "sqlState": "\(sqlState)"]
            if let hint = shownHint { metadata["hint"] = "\(hint)" }
            return metadata
        }
    }
#endif
