// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A connection to a database that ``SQLitePool`` lends to a body.
///
/// The body uses it on its own thread, and the connection cannot leave the body: storing it,
/// returning it or passing it to a task does not compile.
///
/// ```swift
/// let names = try await pool.read { db in
///     try db.query("SELECT name FROM user WHERE city = \(city)", as: String.self)
/// }
/// ```
///
/// Each method blocks its thread until SQLite has finished, which is why a connection has its own
/// thread. After an error that rolled the transaction back, or after a cancellation, every further
/// statement of the body fails.
///
/// Statements stay prepared, up to ``SQLiteConfiguration/statementCacheCapacity``.
public struct SQLiteConnection: ~Copyable {
    @usableFromInline
    let session: Session

    /// Keeps the value in memory. In registers, the compiler of Swift 6.3 reports an error if
    /// another task captures the value, or crashes.
    private let inMemory = Atomic(false)
}

extension SQLiteConnection {
    /// Whether the connection is one of the pool's readers, which cannot write to the database.
    public var isReader: Bool { session.isReader }

    /// Closes the connection after the body, whatever its state is. The pool opens another one on
    /// demand.
    ///
    /// Use it for a connection whose state SQLite does not report, such as one that a loaded
    /// extension has changed. Further statements of the body run as usual, and its transaction is
    /// committed or rolled back as usual.
    ///
    /// - Complexity: O(1).
    public func discardAfterUse() { session.isAltered = true }
}

@available(*, unavailable)
extension SQLiteConnection: Sendable {}

/// The effect of a statement.
public struct SQLiteCommand: Hashable, Sendable {
    /// The number of rows that the statement itself inserted, updated or deleted, without those of
    /// triggers and foreign keys.
    public let rowCount: Int

    /// The row ID of the last row that was inserted since the body began, by this statement or an
    /// earlier one; 0 if none was.
    public let lastInsertedRowID: Int64
}

extension SQLiteConnection {
    /// SQLite's description of a statement that does not run.
    public struct StatementInfo: Hashable, Sendable {
        /// Whether the statement changes no database. Also `true` for statements that only begin
        /// or end a transaction.
        public let isReadOnly: Bool

        /// The names of the columns of its rows; empty if it returns no rows.
        public let columnNames: [String]

        /// The number of parameters: the greatest parameter number.
        public let parameterCount: Int

        /// The names of the parameters, in the order of their numbers, without the prefix
        /// character; `nil` for a parameter that has only a number.
        public let parameterNames: [String?]
    }
}
