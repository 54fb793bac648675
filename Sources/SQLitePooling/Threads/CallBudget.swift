// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// The limits of a call on its connection, and how much of them the call has used.
struct CallBudget {
    private let maximumSteps: Int
    private let maximumBytes: Int
    private var steps = 0
    private var bytes = 0

    /// The longest time that a call may hold the connection; `nil` for no limit.
    var maximumDuration: Duration?
    private var end: ContinuousClock.Instant?

    /// The number of instructions that SQLite executes between two calls of the progress handler.
    static let stepsPerCall = 1_000

    init(_ limits: SQLiteConfiguration.Limits) {
        maximumSteps = limits.steps ?? .max
        maximumBytes = limits.resultBytes ?? .max
    }

    /// Starts the budget of a new call.
    mutating func begin() {
        (steps, bytes) = (0, 0)
        end = maximumDuration.map { .now + $0 }
    }

    /// Whether the call has held the connection for longer than allowed.
    var isOutOfTime: Bool { end.map { .now >= $0 } ?? false }

    /// Throws if the call has held the connection for longer than allowed.
    func checkTime(sql: String?) throws(SQLiteError) {
        if isOutOfTime { throw timeError(sql: sql) }
    }

    /// Whether the call has executed more instructions than allowed.
    var isOutOfSteps: Bool { steps > maximumSteps }

    /// Counts the instructions since the last call of the progress handler.
    ///
    /// - Returns: Whether the call has exceeded its instructions or its time.
    mutating func countSteps() -> Bool {
        steps += Self.stepsPerCall
        return isOutOfSteps || isOutOfTime
    }

    /// Whether the bytes of rows are limited.
    var countsRows: Bool { maximumBytes != .max }

    /// Counts the bytes of the statement's current row. O(columns).
    mutating func countRow(of statement: Statement) throws(SQLiteError) {
        let columns = unsafe sqlite3_data_count(statement.handle)
        for index in 0..<columns {
            bytes += 16
            let type = unsafe sqlite3_column_type(statement.handle, index)
            guard type == SQLITE_TEXT || type == SQLITE_BLOB else { continue }
            bytes += Int(unsafe sqlite3_column_bytes(statement.handle, index))
        }
        guard bytes > maximumBytes else { return }
        throw SQLiteError(
            .resultLimitExceeded,
            "the rows of the call exceed \(maximumBytes) bytes, the limit of limits.resultBytes",
            sql: statement.text
        )
    }

    /// Returns the error of an interrupted statement if the budget stopped it; otherwise `nil`.
    func error(sql: String?) -> SQLiteError? {
        if isOutOfSteps { return stepError(sql: sql) }
        return isOutOfTime ? timeError(sql: sql) : nil
    }

    private func timeError(sql: String?) -> SQLiteError {
        SQLiteError(
            .readDurationExceeded,
            "the read held its snapshot for longer than maximumReadDuration allows: read in parts, or raise the limit",
            sql: sql
        )
    }

    private func stepError(sql: String?) -> SQLiteError {
        SQLiteError(
            .stepLimitExceeded,
            "the statements of the call exceed \(maximumSteps) instructions, the limit of limits.steps",
            sql: sql
        )
    }
}
