// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A checkpoint: a copy of the write-ahead log's pages into the database file.
public struct SQLiteCheckpoint: Hashable, Sendable {
    /// How far a checkpoint goes. Each mode includes the one before it.
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        /// Copies the pages that no reader keeps from being copied, and waits for no reader.
        case passive
        /// Waits for readers of older snapshots, and copies all pages.
        case full
        /// Also waits for the readers that still use the log, so that the next write starts it from its beginning.
        case restart
        /// Also truncates the log file to zero bytes.
        case truncate
    }

    /// The schema name of the database: `main`, or the name of an attached database.
    public let database: String

    /// How far the checkpoint was to go.
    public let mode: Mode

    /// The length of the log, in pages. Zero after a truncation.
    public let logPages: Int

    /// The number of those pages that are in the database file.
    public let copiedPages: Int

    /// The time from the beginning of the checkpoint to its end.
    public let duration: Duration

    /// The error that ended the checkpoint; `nil` if there was none. A code with the primary code `busy` means that a reader or
    /// another process was in the way.
    public let failure: SQLiteError?

    /// Whether all pages of the log are in the database file and the mode's work is done.
    public var isComplete: Bool { failure == nil && copiedPages == logPages }
}

/// An event of a ``SQLitePool``. Later versions may add cases.
public enum SQLitePoolEvent: Sendable {
    /// A checkpoint of a database begins.
    case checkpointBegan(database: String, mode: SQLiteCheckpoint.Mode)
    /// A checkpoint has ended, with or without an error.
    case checkpointEnded(SQLiteCheckpoint)
}
