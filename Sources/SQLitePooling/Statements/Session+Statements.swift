// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Returns a statement for `sql` with bound values. The caller owns it until ``end(_:)``.
    func begin(_ sql: SQLiteQuery) throws(SQLiteError) -> Statement {
        if observedCall != nil { return try beginObserved(sql) }
        return try start(sql)
    }

    /// Returns a statement as ``begin(_:)``, without an observation.
    @inline(__always)
    func start(_ sql: SQLiteQuery) throws(SQLiteError) -> Statement {
        let statement: Statement
        if let cached = cache.take(sql.text) {
            statement = cached
        } else {
            statement = try prepareOne(sql.text)
            statement.strategies = strategies
            if statement.traits.isSubset(of: .cacheable) { cache.insert(statement) }
        }
        do throws(SQLiteError) {
            try checkMayRun(statement.traits, sql: sql.text)
            let code = try statement.bind(sql)
            if code != SQLITE_OK { throw failure(code, sql: sql.text) }
        } catch {
            end(statement)
            throw error
        }
        return statement
    }

    /// Resets a statement, which returns to the cache or is freed.
    @usableFromInline
    func end(_ statement: Statement) {
        statement.reset()
        // A statement that ends before its last row commits at this point.
        endCommit()
        statement.isBusy = false
        if statement.observed != nil { statement.observed = nil }
        if !statement.isCached { statement.finalize() }
    }

    /// Ends a statement before its last row. Outside of a transaction, its changes are committed.
    ///
    /// - Throws: `SQLiteError` if the commit fails; nothing has changed then.
    @usableFromInline
    func finish(_ statement: Statement) throws(SQLiteError) {
        // Without a change there is no commit.
        if !statement.isReadOnly {
            let code = unsafe sqlite3_reset(statement.handle)
            endCommit()
            if code != SQLITE_OK { throw observed(failure(code, sql: statement.text), of: statement) }
        }
        statement.observed?.complete(statement, in: self)
    }

    /// Notes the end of a statement, and of its commit if it was its own transaction.
    func endCommit() {
        guard let interruption, !interruption.endsWithCommit, let reason = interruption.endCommit() else { return }
        interruption.call?.abandon(reason)
    }

    /// Advances to the next row.
    ///
    /// - Returns: Whether there is a row.
    @usableFromInline
    func step(_ statement: Statement) throws(SQLiteError) -> Bool {
        if let interruption, interruption.isRaised {
            throw observed(SQLiteError(.interrupted, "interrupted", sql: statement.text), of: statement)
        }
        if watchesWrites { return try endStep(stepWatched(statement), of: statement) }
        return try endStep(unsafe sqlite3_step(statement.handle), of: statement)
    }

    /// Advances from one row to the next, if only decoding happens in between.
    ///
    /// Does not check the interruption: SQLite keeps an interrupt while a statement runs. The
    /// progress handler, which counts the instructions of all steps, checks the cancellation and
    /// the deadline.
    ///
    /// - Returns: Whether there is a row.
    @usableFromInline
    func advance(_ statement: Statement) throws(SQLiteError) -> Bool {
        let code = unsafe sqlite3_step(statement.handle)
        if code == SQLITE_ROW, !countsRows { return true }
        return try endStep(code, of: statement)
    }

    private func endStep(_ code: Int32, of statement: Statement) throws(SQLiteError) -> Bool {
        endCommit()
        if code == SQLITE_ROW {
            if countsRows { try count(statement) }
            return true
        }
        if code == SQLITE_DONE {
            statement.observed?.complete(statement, in: self)
            return false
        }
        let isWriteOnReader = code == SQLITE_READONLY && isReader
        throw observed(isWriteOnReader ? writeOnReader(statement) : failure(code, sql: statement.text), of: statement)
    }

    /// Counts a row for the limit of bytes and for observers.
    private func count(_ statement: Statement) throws(SQLiteError) {
        statement.observed?.countRow()
        guard budget.countsRows else { return }
        do throws(SQLiteError) {
            try budget.countRow(of: statement)
        } catch {
            throw observed(error, of: statement)
        }
    }

    /// Reports the error of a statement to its observers.
    private func observed(_ error: SQLiteError, of statement: Statement) -> SQLiteError {
        statement.observed?.fail(error, in: self)
        return error
    }

    /// Runs the statements of a text in order, until one fails. O(length of the text), besides the
    /// work of the statements.
    func runScript(_ text: String) throws(SQLiteError) {
        if observedCall == nil { return try runStatements(of: text) }
        try observing(observe(text, isScript: true)) { () throws(SQLiteError) in try runStatements(of: text) }
    }

    private func runStatements(of text: String) throws(SQLiteError) {
        let script = try Script(text)
        var start = 0
        while start < script.count {
            let (statement, next) = try prepare(script, from: start, isPersistent: false)
            if let statement {
                defer { self.end(statement) }
                try checkMayRun(statement.traits, sql: text)
                _ = try statement.bind([])
                while try step(statement) {}
            }
            start = next
        }
    }

    /// Throws if a statement would break the transaction of the body, or if the transaction is
    /// already lost.
    private func checkMayRun(_ traits: StatementTraits, sql: String) throws(SQLiteError) {
        if let interruption, interruption.isRaised { throw SQLiteError(.interrupted, "interrupted", sql: sql) }
        try budget.checkTime(sql: sql)
        if traits.contains(.changesConnection) { isAltered = true }
        if traits.contains(.vacuumsInto) { try allowVacuumInto(sql: sql) }
        guard isInTransaction || savepoints > 0 else { return try rollBackLostTransaction(sql: sql) }
        if membership.isActive { try checkMayShare(traits, sql: sql) }
        if traits.contains(.controlsTransaction) {
            throw SQLiteError(
                .transactionControl,
                "the pool ends this transaction or savepoint: nest with withSavepoint, or use writeWithoutTransaction",
                sql: sql
            )
        }
        if mustRollBack || isAutocommitting { throw transactionAborted(sql: sql) }
    }

    /// Returns the error of a group member whose transaction another member has lost.
    func sharedTransactionLost() -> SQLiteError {
        SQLiteError(
            .sharedTransactionLost,
            "another write in the same transaction lost the transaction; nothing has changed: call again"
        )
    }

    func transactionAborted(sql: String? = nil) -> SQLiteError {
        SQLiteError(
            .transactionAborted,
            "an earlier error rolled the transaction back: rethrow that error from the closure",
            sql: sql
        )
    }
}

// MARK: - Preparation

extension Session {
    /// Prepares a text that contains one statement.
    func prepareOne(_ text: String) throws(SQLiteError) -> Statement {
        let script = try Script(text)
        let (statement, next) = try prepare(script, from: 0, isPersistent: true)
        if SQLTokenizer.sortsByParameter(script.part(0, next)) {
            statement?.finalize()
            throw SQLiteError(
                .misplacedParameter,
                "ORDER BY, GROUP BY or PARTITION BY is followed by a parameter alone, which has the same value for all rows and no "
                    + "effect: write \\(identifier: column) for the name of a column",
                sql: text
            )
        }
        guard let statement else {
            throw SQLiteError(.statementCount, "the text contains no statement", sql: text)
        }
        guard next == script.count || SQLiteQuery.isBlank(text.utf8.dropFirst(next)) else {
            statement.finalize()
            throw SQLiteError(
                .statementCount,
                "the text contains more than one statement: use executeScript",
                sql: text,
                offset: next
            )
        }
        return statement
    }

    /// Prepares the first statement from a byte offset on.
    ///
    /// - Returns: The statement, or `nil` if only white space and comments follow; and the byte
    ///   offset of the next one.
    func prepare(
        _ script: Script,
        from start: Int,
        isPersistent: Bool
    ) throws(SQLiteError) -> (statement: Statement?, next: Int) {
        (traits, refusal) = ([], nil)
        let recordsReads = access?.recordsReads
        if let recordsReads { access = StatementAccess(recordsReads: recordsReads) }
        var result = unsafe script.prepare(on: handle, from: start, isPersistent: isPersistent)
        if let setting = refusal?.unknownSetting {
            // The preparation had no effect so far.
            try recordValue(of: setting)
            (traits, refusal) = ([], nil)
            unsafe result = script.prepare(on: handle, from: start, isPersistent: isPersistent)
        }
        // Some pragmas take effect during their preparation.
        if traits.contains(.isPragma), traits.contains(.changesConnection), !isDescribing { isAltered = true }
        if unsafe result.code != SQLITE_OK {
            if let refusal { throw refusal.error(sql: script.text) }
            throw failure(unsafe result.code, sql: script.text, start: start, phase: .preparation)
        }
        let next = unsafe result.next
        guard let statement = unsafe result.statement else { return (nil, next) }
        let bytes = script.part(start, next)
        if mayShareCommits, SQLTokenizer.mayRollBack(bytes) { traits.insert(.mayRollBack) }
        if SQLTokenizer.vacuumsInto(bytes) { traits.insert(.vacuumsInto) }
        if recordsReads != nil, SQLTokenizer.vacuums(bytes) { traits.insert(.vacuums) }
        let prepared = unsafe Statement(statement, text: script.text, traits: traits)
        if let recordsReads { prepared.access = recordsReads ? access : takeAccess(for: bytes) }
        return (prepared, next)
    }
}

extension SQLiteQuery {
    /// Whether a text contains only white space, comments and semicolons.
    static func isBlank(_ utf8: Substring.UTF8View) -> Bool {
        var rest = utf8[...]
        while let first = rest.first {
            switch first {
            case UInt8(ascii: " "), UInt8(ascii: ";"), 9...13:
                rest = rest.dropFirst()
            case UInt8(ascii: "-") where rest.dropFirst().first == first:
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            case UInt8(ascii: "/") where rest.dropFirst().first == UInt8(ascii: "*"):
                rest = rest.dropFirst(2)
                while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest = rest.dropFirst() }
                rest = rest.dropFirst(2)
            default:
                return false
            }
        }
        return true
    }
}
