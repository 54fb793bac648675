// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLitePool {
    /// Figures on a pool's connections and on its write-ahead log.
    public struct Statistics: Hashable, Sendable {
        /// The connections that read.
        public let readers: ConnectionFigures

        /// The connections that write, of which there is one at a time.
        public let writer: ConnectionFigures

        /// The write-ahead log of the main database.
        public let log: LogFigures

        /// How many connections were opened.
        public var connectionsCreated: Int { readers.created + writer.created }

        /// How many connections were closed.
        public var connectionsClosed: Int { readers.closed + writer.closed }
    }

    /// How many connections of one kind were opened and closed.
    public struct ConnectionFigures: Hashable, Sendable {
        /// How many were opened.
        public let created: Int

        /// How many of them were closed.
        public let closed: Int

        /// How many are open.
        public var open: Int { created - closed }
    }

    /// Figures on the write-ahead log and its checkpoints.
    public struct LogFigures: Hashable, Sendable {
        /// The length of the main database's log after this pool's last commit, in pages.
        public let pages: Int

        /// The number of checkpoints without an error, of all databases and in all modes.
        public let checkpoints: Int

        /// The number of checkpoints that ended with an error.
        public let failedCheckpoints: Int

        /// The error of the last checkpoint that failed; `nil` if none has.
        public let lastFailure: SQLiteError?
    }

    /// The figures of the pool's connections and of its log, up to now. O(1).
    public var statistics: Statistics {
        Statistics(readers: readerCounter.figures, writer: writerCounter.figures, log: file.log.figures)
    }
}
