// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if MetricsSupport
    internal import CoreMetrics
    public import ConnectionPooling

    // | metric | instrument | unit |
    // | --- | --- | --- |
    // | `postgres.transaction.repetitions` | `Counter` | `{attempt}` |
    // | `postgres.transaction.recoveries` | `Counter` | `{transaction}` |
    // | `postgres.transaction.exhaustions` | `Counter` | `{transaction}` |

    extension PoolMetrics: PostgresPoolObserver {
        /// Counts the repetitions of transactions, with the dimension
        /// `db.client.connection.pool.name`.
        public func observe(_ event: PostgresPoolEvent, in pool: String) {
            let instruments = instruments("postgres \(pool)", of: pool) { factory, dimensions in
                RetryInstruments(by: factory, dimensions)
            }
            switch event {
            case .transactionRepeated: instruments.repetitions.increment()
            case .transactionRecovered: instruments.recoveries.increment()
            case .transactionGivenUp: instruments.exhaustions.increment()
            }
        }
    }

    private struct RetryInstruments: Sendable {
        let repetitions: Counter
        let recoveries: Counter
        let exhaustions: Counter

        init(by factory: any MetricsFactory, _ dimensions: (String) -> [(String, String)]) {
            func counter(_ name: String, _ unit: String) -> Counter {
                Counter(label: "postgres.transaction.\(name)", dimensions: dimensions(unit), factory: factory)
            }
            repetitions = counter("repetitions", "{attempt}")
            recoveries = counter("recoveries", "{transaction}")
            exhaustions = counter("exhaustions", "{transaction}")
        }
    }
#endif

#if LoggingSupport
    public import ConnectionPooling
    internal import Logging

    extension PoolLogger: PostgresPoolObserver {
        /// Logs the repetitions of transactions, at the level debug.
        public func observe(_ event: PostgresPoolEvent, in pool: String) {
            switch event {
            case .transactionRepeated(let attempt, let cause):
                logger.debug(
                    "A transaction is repeated.",
                    metadata: ["pool": "\(pool)", "attempt": "\(attempt)", "error": "\(cause)"]
                )
            case .transactionRecovered(let attempts):
                logger.debug(
                    "A repeated transaction has succeeded.",
                    metadata: ["pool": "\(pool)", "attempts": "\(attempts)"]
                )
            case .transactionGivenUp(let error):
                logger.debug(
                    "A transaction is not repeated any more.",
                    metadata: ["pool": "\(pool)", "error": "\(error)"]
                )
            }
        }
    }
#endif
