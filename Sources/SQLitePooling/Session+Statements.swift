// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// A statement for `sql` with its values bound, which is the caller's until ``end(_:)``.
    func begin(_ sql: SQL) throws(SQLiteError) -> Statement {
        let statement: Statement
        if let cached = cache.take(sql.text) {
            statement = cached
        } else {
            statement = try prepareOne(sql.text)
            statement.strategies = strategies
            if statement.traits.isEmpty { cache.insert(statement) }
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

    /// Resets a statement, and keeps it or frees it.
    @usableFromInline
    func end(_ statement: Statement) {
        statement.reset()
        statement.isBusy = false
        if !statement.isCached { statement.finalize() }
    }

    /// Goes to the next row.
    ///
    /// - Returns: Whether there is one.
    @usableFromInline
    func step(_ statement: Statement) throws(SQLiteError) -> Bool {
        if let interruption, interruption.isRaised {
            throw SQLiteError(.interrupted, "interrupted", sql: statement.text)
        }
        if isShared { isWriting = !statement.isReadOnly }
        let code = unsafe sqlite3_step(statement.handle)
        if let interruption, let reason = interruption.endCommit() { interruption.call?.abandon(reason) }
        if code == SQLITE_ROW {
            if budget.countsRows { try budget.countRow(of: statement) }
            return true
        }
        if code == SQLITE_DONE { return false }
        if code == SQLITE_READONLY, isReader { throw writeOnReader(statement) }
        throw failure(code, sql: statement.text)
    }

    /// Runs each statement of a text, in order, until one fails.
    func runScript(_ text: String) throws(SQLiteError) {
        var start = 0
        let end = text.utf8.count
        while start < end {
            let (statement, next) = try prepare(text, from: start, isPersistent: false)
            if let statement {
                defer { self.end(statement) }
                try checkMayRun(statement.traits, sql: text)
                _ = try statement.bind([])
                while try step(statement) {}
            }
            start = next
        }
    }

    /// Refuses what would break the transaction that the body is in, and everything when it is broken.
    private func checkMayRun(_ traits: StatementTraits, sql: String) throws(SQLiteError) {
        if let interruption, interruption.isRaised { throw SQLiteError(.interrupted, "interrupted", sql: sql) }
        if traits.contains(.changesConnection) { isSpent = true }
        guard isInTransaction else { return }
        if traits.contains(.controlsTransaction) {
            throw SQLiteError(
                .transactionControl,
                "the transaction is the pool's: it ends with the body; nest with savepoint, or use writeWithoutTransaction",
                sql: sql
            )
        }
        if mustRollBack || isAutocommitting { throw transactionLost(sql: sql) }
    }

    func transactionLost(sql: String? = nil) -> SQLiteError {
        SQLiteError(
            .transactionLost,
            "an earlier error has rolled the transaction back; let it leave the body",
            sql: sql
        )
    }
}

// MARK: - Preparing

extension Session {
    /// Prepares a text that is one statement.
    func prepareOne(_ text: String) throws(SQLiteError) -> Statement {
        let (statement, next) = try prepare(text, from: 0, isPersistent: true)
        guard let statement else {
            throw SQLiteError(.statementCount, "there is no statement in the text", sql: text)
        }
        guard next == text.utf8.count || SQL.isBlank(text.utf8.dropFirst(next)) else {
            statement.finalize()
            throw SQLiteError(
                .statementCount,
                "there is more than one statement in the text; executeScript runs several",
                sql: text,
                offset: next
            )
        }
        return statement
    }

    /// Prepares the first statement from a byte on.
    ///
    /// - Returns: The statement, or `nil` where there is nothing but white space and comments; and where the next begins.
    func prepare(
        _ text: String,
        from start: Int,
        isPersistent: Bool
    ) throws(SQLiteError) -> (statement: Statement?, next: Int) {
        // SQLite would stop there in silence.
        if let nul = text.utf8.firstIndex(of: 0) {
            let offset = text.utf8.distance(from: text.utf8.startIndex, to: nul)
            throw SQLiteError(.nulCharacter, "there is a NUL character in the statement", sql: text, offset: offset)
        }
        var handle: OpaquePointer?
        var next = start
        var copy = text
        traits = []
        let code = copy.withUTF8 { utf8 -> Int32 in
            guard let size = Int32(exactly: utf8.count - start) else { return SQLITE_TOOBIG }
            return unsafe utf8.withMemoryRebound(to: CChar.self) { text in
                guard let first = text.baseAddress else { return SQLITE_OK }
                let options = isPersistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
                var tail: UnsafePointer<CChar>?
                let code = unsafe sqlite3_prepare_v3(self.handle, first + start, size, options, &handle, &tail)
                if let tail = unsafe tail { next = unsafe tail - first }
                return code
            }
        }
        // Some of these take effect when they are prepared.
        if traits.contains(.isPragma), traits.contains(.changesConnection), !isDescribing { isSpent = true }
        if code != SQLITE_OK { throw failure(code, sql: text, start: start, phase: .preparation) }
        guard let handle = unsafe handle else { return (nil, next) }
        return (unsafe Statement(handle, text: text, traits: traits), next)
    }
}

extension SQL {
    /// Whether there are only white space, comments and semicolons.
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
