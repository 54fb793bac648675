// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLitePool {
    /// How many connections the pool has opened and closed.
    public struct Statistics: Hashable, Sendable {
        /// The connections that read.
        public let readers: ConnectionFigures

        /// The connections that write, of which there is one at a time.
        public let writer: ConnectionFigures

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

    /// How many connections the pool has opened and closed, up to now. O(1).
    public var statistics: Statistics {
        Statistics(readers: readerCounter.figures, writer: writerCounter.figures)
    }
}
