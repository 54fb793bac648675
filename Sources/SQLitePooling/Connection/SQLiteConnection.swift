// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A connection to a database, lent to a body by ``SQLitePool``.
///
/// It is used on the thread that the body runs on, and cannot leave the body: storing it, returning it or handing it to a
/// task does not compile.
///
/// ```swift
/// let names = try await pool.read { db in
///     try db.query("SELECT name FROM user WHERE city = \(city)", as: String.self)
/// }
/// ```
///
/// Each method blocks its thread until SQLite has done the work, which is why it runs on a thread of the connection's own.
/// After an error that rolled the transaction back, or a cancellation, every further statement of the body fails.
///
/// Statements stay prepared, up to the configuration's `statementCacheCapacity`.
public struct SQLiteConnection: ~Copyable {
    @usableFromInline
    let session: Session

    /// Keeps the value in memory and never in registers: there, the compiler of Swift 6.3 refuses that another task captures it, with
    /// an error, and crashes otherwise.
    private let inMemory = Atomic(false)
}

@available(*, unavailable)
extension SQLiteConnection: Sendable {}

/// What a statement has changed.
public struct SQLiteChanges: Hashable, Sendable {
    /// How many rows it has inserted, updated or deleted itself; those of triggers and foreign keys do not count.
    public let count: Int

    /// The row ID of the last row that was inserted since the body began, by this statement or an earlier one; 0 if there
    /// was none.
    public let lastInsertedRowID: Int64
}

/// What SQLite knows of a statement without running it.
public struct SQLiteStatementInfo: Hashable, Sendable {
    /// Whether it leaves all databases as they are. Also `true` for statements that only begin or end a transaction.
    public let isReadOnly: Bool

    /// The names of the columns that its rows have; empty if it gives no rows.
    public let columnNames: [String]

    /// How many parameters it has: the greatest number of one.
    public let parameterCount: Int

    /// The names of the parameters, in the order of their numbers, without the character before each; `nil` for one that has
    /// only a number.
    public let parameterNames: [String?]
}
