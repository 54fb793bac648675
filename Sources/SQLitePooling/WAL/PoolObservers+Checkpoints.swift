// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if MetricsSupport
    internal import CoreMetrics
    public import ConnectionPooling

    // | metric | instrument | unit |
    // | --- | --- | --- |
    // | `sqlite.wal.length` | `Meter` | `{page}` |
    // | `sqlite.checkpoint.duration` | `Timer` | `s` |
    // | `sqlite.checkpoint.failures` | `Counter` | `{checkpoint}` |

    extension PoolMetrics: SQLitePoolObserver {
        /// Records a checkpoint: the length of the log, the duration, and whether the checkpoint
        /// failed.
        ///
        /// Each metric has the dimensions `db.client.connection.pool.name`, the name of the
        /// configuration, and `sqlite.database`, the schema name of the database.
        public func observe(_ event: SQLitePoolEvent, in pool: String) {
            guard case .checkpointEnded(let checkpoint) = event else { return }
            let instruments = instruments("sqlite \(checkpoint.database) \(pool)", of: pool) { factory, dimensions in
                CheckpointInstruments(of: checkpoint.database, by: factory, dimensions)
            }
            instruments.duration.record(checkpoint.duration)
            if checkpoint.failure == nil {
                instruments.length.set(checkpoint.logPages)
            } else {
                instruments.failures.increment()
            }
        }
    }

    private struct CheckpointInstruments: Sendable {
        let length: Meter
        let duration: Timer
        let failures: Counter

        init(of database: String, by factory: any MetricsFactory, _ common: (String) -> [(String, String)]) {
            func dimensions(in unit: String) -> [(String, String)] { common(unit) + [("sqlite.database", database)] }
            length = Meter(label: "sqlite.wal.length", dimensions: dimensions(in: "{page}"), factory: factory)
            duration = Timer(label: "sqlite.checkpoint.duration", dimensions: dimensions(in: "s"), factory: factory)
            failures = Counter(
                label: "sqlite.checkpoint.failures",
                dimensions: dimensions(in: "{checkpoint}"),
                factory: factory
            )
        }
    }
#endif

#if LoggingSupport
    public import ConnectionPooling
    internal import Logging

    extension PoolLogger: SQLitePoolObserver {
        /// Logs the end of a checkpoint: with the level debug if it succeeded or a reader or
        /// another process blocked it, and with the level warning after any other error.
        public func observe(_ event: SQLitePoolEvent, in pool: String) {
            guard case .checkpointEnded(let checkpoint) = event else { return }
            var metadata: Logger.Metadata = [
                "pool": "\(pool)", "database": "\(checkpoint.database)", "mode": "\(checkpoint.mode)",
                "logPages": "\(checkpoint.logPages)", "copiedPages": "\(checkpoint.copiedPages)",
                "duration": "\(checkpoint.duration)",
            ]
            guard let failure = checkpoint.failure else {
                return logger.debug("A checkpoint ended.", metadata: metadata)
            }
            metadata["error"] = "\(failure)"
            let level: Logger.Level = failure.code.primary == .busy ? .debug : .warning
            logger.log(level: level, "A checkpoint failed.", metadata: metadata)
        }
    }
#endif
