// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLitePool {
    /// Statistics of a pool's connections and of its write-ahead log.
    public struct Statistics: Hashable, Sendable {
        /// The readers.
        public let readers: ConnectionFigures

        /// The writers, of which one exists at a time.
        public let writer: ConnectionFigures

        /// The write-ahead log of the main database.
        public let log: LogFigures

        /// The number of connections that were opened.
        public var connectionsCreated: Int { readers.created + writer.created }

        /// The number of connections that were closed.
        public var connectionsClosed: Int { readers.closed + writer.closed }
    }

    /// The numbers of connections of one kind that were opened and closed.
    public struct ConnectionFigures: Hashable, Sendable {
        /// The number of connections that were opened.
        public let created: Int

        /// The number of connections that were closed.
        public let closed: Int

        /// The number of open connections.
        public var open: Int { created - closed }
    }

    /// Statistics of the write-ahead log and its checkpoints.
    public struct LogFigures: Hashable, Sendable {
        /// The length of the main database's log after this pool's last commit, in pages.
        public let pages: Int

        /// The number of checkpoints without an error, of all databases and in all modes.
        public let checkpoints: Int

        /// The number of checkpoints that ended with an error.
        public let failedCheckpoints: Int

        /// The error of the last failed checkpoint; `nil` if none has failed.
        public let lastFailure: SQLiteError?
    }

    /// The current statistics of the pool's connections and of its log. O(1).
    public var statistics: Statistics {
        Statistics(readers: readerCounter.figures, writer: writerCounter.figures, log: file.log.figures)
    }
}
