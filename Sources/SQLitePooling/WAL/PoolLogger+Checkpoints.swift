// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if LoggingSupport
    public import ConnectionPooling
    internal import Logging

    extension PoolLogger: SQLitePoolObserver {
        /// Logs the end of a checkpoint: at the level debug where it ended without an error or met a reader or another process, and as a
        /// warning where it met another error.
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
