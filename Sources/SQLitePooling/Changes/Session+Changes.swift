// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

// Without subscribers to changes, a session has no tracker: the hooks are not installed, the
// authorizer records nothing, and a statement takes the same path as otherwise.

extension Session {
    /// Begins to track changes. Called outside of transactions, while no statement runs.
    ///
    /// - Throws: ``SQLiteError`` with the code `misuse` if the hook `afterConnect` may have
    ///   installed hooks of its own, of which SQLite has one of each kind.
    func trackChanges(for hub: ChangeHub) throws(SQLiteError) {
        guard changes == nil else { return }
        guard !mayHaveHooks else {
            throw SQLiteError(
                .misuse,
                "changes cannot be observed: the hook afterConnect uses withHandle, and may have installed its own update hook"
            )
        }
        // What a statement writes is known only if it is prepared from now on.
        cache.removeAll()
        changes = ChangeTracker(hub)
        access = StatementAccess()
        installChangeHooks()
    }

    /// Ends the tracking. Called outside of transactions.
    private func endTrackingChanges() {
        changes = nil
        access = nil
        _ = unsafe sqlite3_update_hook(handle, nil, nil)
        _ = unsafe sqlite3_rollback_hook(handle, nil, nil)
        installCommitHook()
    }

    /// Installs the hooks of changes, if they are tracked.
    func installChangeHooks() {
        guard changes != nil else { return }
        let session = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe sqlite3_update_hook(
            handle,
            { context, operation, database, table, row in
                guard let database = unsafe database, let table = unsafe table else { return }
                unsafe Session.at(context).changes?.note(operation, database, table, row)
            },
            session
        )
        _ = unsafe sqlite3_rollback_hook(
            handle,
            { context in unsafe Session.at(context).changes?.noteRollback() },
            session
        )
        _ = unsafe sqlite3_commit_hook(
            handle,
            { context in
                let session = unsafe Session.at(context)
                guard session.mayCommit else { return 1 }
                session.changes?.beginCommit()
                return 0
            },
            session
        )
    }

    /// Publishes the changes that were committed since the last call.
    func settleChanges() {
        changes?.settle(
            isAutocommitting: isAutocommitting,
            isWriting: unsafe sqlite3_txn_state(handle, nil) == SQLITE_TXN_WRITE
        )
    }

    /// Publishes the changes of a use that has ended, and ends the tracking if no subscriber is
    /// left.
    func endUseOfChanges() {
        settleChanges()
        if changes?.isNeeded == false, isAutocommitting { endTrackingChanges() }
    }

    // MARK: Statements

    /// Takes a step of a statement whose writes are watched.
    // Not inlined, so that a statement that is not watched has no code of this.
    @inline(never)
    func stepWatched(_ statement: Statement) -> Int32 {
        if isShared { isWriting = !statement.isReadOnly }
        guard let changes else { return unsafe sqlite3_step(statement.handle) }
        settleChanges()
        defer { settleChanges() }
        if statement.isReadOnly, !statement.traits.contains(.controlsSavepoint) {
            return unsafe sqlite3_step(statement.handle)
        }
        changes.beginStep()
        access = StatementAccess()
        let count = unsafe sqlite3_total_changes64(handle)
        let code = unsafe sqlite3_step(statement.handle)
        // SQLite has prepared the statement again, for example because a table has a new trigger,
        // or has prepared statements of a virtual table.
        if statement.access != nil, access?.isEmpty == false {
            if let new = takeAccess(for: []) { statement.access?.formUnion(new) } else { statement.access = nil }
        }
        let hasFailed = code != SQLITE_ROW && code != SQLITE_DONE
        if let savepoint = statement.access?.savepoint {
            if !hasFailed { changes.apply(savepoint) }
        } else if statement.changesTables, statement.access != nil || !isPrivileged {
            // It commits without the hook.
            if statement.traits.contains(.vacuums), !hasFailed { changes.publish(.everything) }
            let changed = unsafe sqlite3_total_changes64(handle) - count
            changes.endStep(statement.access, count: Int(changed), hasFailed: hasFailed)
        }
        return code
    }

    /// Notes the changes of statements that a body has run by the handle, which are not known.
    func noteUnknownChanges(hasChangedRows: Bool) {
        guard let changes else { return }
        if hasChangedRows || access?.isEmpty == false || changes.isCommitting {
            if isAutocommitting { changes.publish(.everything) } else { changes.note(.everything) }
        }
        access = StatementAccess()
        settleChanges()
    }

    /// Returns what the statement that has been prepared writes, with what the schema adds; `nil`
    /// if that is not known.
    func takeAccess(for text: ArraySlice<UInt8>) -> StatementAccess? {
        guard var taken = access else { return nil }
        // The tables of statistics are SQLite's own.
        if taken.computesStatistics { taken.writes = [:] }
        if taken.isEmpty { return taken.computesStatistics || taken.computesIndexes ? taken : nil }
        // The following statements are not recorded, and end no commit.
        let tracker = changes
        (access, changes) = (nil, nil)
        defer { (access, changes) = (StatementAccess(), tracker) }
        taken.mayReplace = SQLTokenizer.mayReplace(text)
        do throws(SQLiteError) {
            for (table, write) in taken.writes where !table.isSchema {
                var write = write
                if !write.updatedColumns.isEmpty { try inspectColumns(of: table, &write) }
                taken.writes[table] = write
                if !taken.mayReplace { taken.mayReplace = try mayReplace(table) }
            }
        } catch {
            return nil
        }
        return taken
    }

    private func inspectColumns(of table: SQLiteChanges.Table, _ write: inout StatementAccess.Write) throws(SQLiteError)
    {
        let statement = try prepareOne("SELECT name, pk, hidden FROM pragma_table_xinfo(?, ?)")
        defer { end(statement) }
        _ = try statement.bind([.text(table.name), .text(table.database)])
        write.updatesKey = write.updatedColumns.contains("rowid")
        while try step(statement) {
            let name = unsafe String(decoding: SQLiteCell(0, of: statement).rawBytes, as: UTF8.self)
            if unsafe sqlite3_column_int64(statement.handle, 2) > 1 { write.hasGeneratedColumns = true }
            guard unsafe sqlite3_column_int64(statement.handle, 1) > 0 else { continue }
            if write.updatedColumns.contains(SQLiteChanges.Table.lowercased(name)) { write.updatesKey = true }
        }
    }

    /// Whether a constraint or a trigger of a table may replace rows.
    private func mayReplace(_ table: SQLiteChanges.Table) throws(SQLiteError) -> Bool {
        for schema in Set([table.database, "temp"]) {
            let statement = try prepareOne(
                """
                SELECT sql FROM \(SQLiteQuery.quoted(schema)).sqlite_schema
                WHERE tbl_name = ? COLLATE NOCASE AND instr(lower(sql), 'replace')
                """
            )
            defer { end(statement) }
            _ = try statement.bind([.text(table.name)])
            while try step(statement) {
                if unsafe SQLTokenizer.mayReplace(Array(SQLiteCell(0, of: statement).rawBytes)[...]) { return true }
            }
        }
        return false
    }
}

extension Statement {
    /// Whether an execution may change tables, according to what is known of the statement.
    fileprivate var changesTables: Bool {
        if isReadOnly || traits.contains(.vacuumsInto) || traits.contains(.changesDatabases) { return false }
        return access.map { !$0.isEmpty } ?? !traits.contains(.controlsTransaction)
    }
}
