// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The rows of a statement that runs, lent to the body of ``SQLiteConnection/withRows(_:_:)``.
///
/// They are asked for one by one, and the statement has run no further than the last that was asked for.
public struct SQLiteRows: ~Copyable {
    /// A statement that gives rows until the call ends that has begun it, wherever a body may have moved the rows to.
    final class Cursor {
        private let session: Session
        private(set) var statement: Statement?

        init(_ statement: Statement, in session: Session) {
            self.session = session
            self.statement = statement
        }

        func next() throws(SQLiteError) -> Bool {
            guard let statement else { return false }
            if try session.step(statement) { return true }
            end()
            return false
        }

        func end() {
            guard let statement = statement.take() else { return }
            session.end(statement)
        }
    }

    private let cursor: Cursor

    init(_ cursor: Cursor) { self.cursor = cursor }

    /// Goes to the next row.
    ///
    /// - Returns: Whether there is one; ``row`` shows it. After the last row, `false` each time.
    /// - Throws: ``SQLiteError``.
    public mutating func next() throws(SQLiteError) -> Bool { try cursor.next() }

    /// The row that ``next()`` has gone to, until it is called again. Every value is `NULL` before the first row; there must
    /// not have been a last one.
    public var row: SQLiteRow {
        _read {
            guard let statement = cursor.statement else { preconditionFailure("There are no more rows.") }
            let row = SQLiteRow(statement)
            yield row
        }
    }
}

@available(*, unavailable)
extension SQLiteRows: Sendable {}
