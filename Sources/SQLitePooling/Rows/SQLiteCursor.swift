// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The rows of a running statement, lent to the body of ``SQLiteConnection/withCursor(_:_:)``.
///
/// The body requests the rows one by one, and the statement does not run beyond the last requested
/// row.
public struct SQLiteCursor: ~Copyable {
    /// A statement that returns rows until the call that began it ends, even if a body moves the
    /// rows elsewhere.
    final class Position {
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

    private let position: Position

    init(_ position: Position) { self.position = position }

    /// Advances to the next row.
    ///
    /// - Returns: Whether there is a row, which ``row`` then contains. After the last row, always
    ///   `false`.
    /// - Throws: ``SQLiteError``.
    public mutating func next() throws(SQLiteError) -> Bool { try position.next() }

    /// The current row, until the next call of ``next()``. Before the first row, every value is
    /// `NULL`. Must not be accessed after the last row.
    public var row: SQLiteCursorRow {
        _read {
            guard let statement = position.statement else { preconditionFailure("There are no more rows.") }
            let row = SQLiteCursorRow(statement)
            yield row
        }
    }
}

@available(*, unavailable)
extension SQLiteCursor: Sendable {}
