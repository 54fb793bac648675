// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// The result of a checkpoint, which copies pages of the write-ahead log into the database file.
public struct SQLiteCheckpoint: Hashable, Sendable {
    /// The extent of a checkpoint. Each mode includes the previous one.
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        /// Copies the pages that readers allow, without waiting for readers.
        case passive
        /// Waits for readers of older snapshots, and copies all pages.
        case full
        /// Also waits for the readers that use the log, so that the next write restarts it.
        case restart
        /// Also truncates the log file to zero bytes.
        case truncate
    }

    /// The schema name of the database: `main`, or the name of an attached database.
    public let database: String

    /// The mode of the checkpoint.
    public let mode: Mode

    /// The length of the log, in pages. Zero after a truncation.
    public let logPages: Int

    /// The number of those pages that are in the database file.
    public let copiedPages: Int

    /// The time from the beginning of the checkpoint to its end.
    public let duration: Duration

    /// The error that ended the checkpoint; `nil` if it succeeded. The primary code `busy` means
    /// that a reader or another process blocked it.
    public let failure: SQLiteError?

    /// Whether all pages of the log are in the database file and the checkpoint succeeded.
    public var isComplete: Bool { failure == nil && copiedPages == logPages }
}

/// An event of a ``SQLitePool``. Later versions may add cases.
public enum SQLitePoolEvent: Sendable {
    /// A checkpoint of a database has begun.
    case checkpointBegan(database: String, mode: SQLiteCheckpoint.Mode)
    /// A checkpoint has ended, with or without an error.
    case checkpointEnded(SQLiteCheckpoint)
}

/// An observer of a ``SQLitePool`` that also receives the events of its write-ahead log.
///
/// ```swift
/// let pool = try SQLitePool("app.sqlite", observers: [CheckpointLog()])
/// ```
public protocol SQLitePoolObserver: PoolObserver {
    /// Receives an event. The pool calls it on the writer's thread; it must not block and must not
    /// call the pool.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - pool: The name of the pool's configuration.
    func observe(_ event: SQLitePoolEvent, in pool: String)
}
