// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConfiguration {
    /// The settings of checkpoints, which copy the write-ahead log into the database file.
    ///
    /// The writer's connection makes the checkpoints, between its transactions and after the
    /// caller has been resumed.
    public struct Checkpoints: Hashable, Sendable {
        /// Whether the pool makes checkpoints by itself; `true` by default.
        ///
        /// `false` is for replicators such as Litestream, which copy the log themselves. The pool
        /// then makes no checkpoint, not even when it closes its last connection.
        /// ``SQLitePool/checkpoint(_:timeout:file:line:)`` still works.
        public var isAutomatic = true

        /// The length of the log, in pages, from which a passive checkpoint follows a commit, from
        /// 1 to 1,000,000; 1,000 by default, as in SQLite.
        ///
        /// The next write waits for the checkpoint, so a longer interval means rarer and longer
        /// waits. It copies fewer pages in total, because a page that changes repeatedly within an
        /// interval is copied once.
        public var interval = 1_000

        /// The length of the log, in pages, from which a checkpoint also waits for readers, from 1
        /// to 10,000,000; 8,000 by default.
        ///
        /// After the wait, the log restarts from its beginning. Otherwise readers that overlap
        /// without a gap keep it growing.
        public var restartThreshold = 8_000

        /// The longest time that the writer waits for readers in such a checkpoint, at most a day;
        /// 2 seconds by default.
        ///
        /// The first wait takes 50 milliseconds at most. Each unsuccessful wait doubles the next
        /// one, up to this limit. Readers that hold their snapshots for up to half of it cannot
        /// keep the log from restarting, however they overlap.
        public var restartTimeout: Duration = .seconds(2)

        /// The size, in bytes, to which the log file is truncated after it has grown larger and
        /// the log restarts; 64 MiB by default, `nil` for no limit.
        public var retainedLogBytes: Int? = 64 << 20

        /// Creates the default settings.
        public init() {}

        func validate() throws(SQLiteError) {
            try SQLiteConfiguration.check("checkpoints.interval", interval, 1...1_000_000)
            try SQLiteConfiguration.check("checkpoints.restartThreshold", restartThreshold, 1...10_000_000)
            try SQLiteConfiguration.check("checkpoints.restartTimeout", restartTimeout, .zero ... .seconds(86_400))
            if let retainedLogBytes {
                try SQLiteConfiguration.check("checkpoints.retainedLogBytes", retainedLogBytes, 0...Int.max)
            }
        }
    }
}
