// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// The write of a group that runs.
struct Membership {
    /// Whether one runs: its statements must not undo the writes of others.
    var isActive = false
    /// Whether no other write may be in its transaction.
    var isAlone = false
}

extension Session {
    /// Whether a transaction of a group is open, with what its members have written.
    var isGroupOpen: Bool { isInTransaction && !isAutocommitting && !mustRollBack }

    /// Runs a body as a member of a group of writes: in the transaction that is open, with a savepoint of its own; if none is, in
    /// a new one, which ends when the body fails.
    ///
    /// What would make the commit fail because of this member fails the member instead.
    ///
    /// - Throws: As `perform`. If the transaction is lost with that, no group is open afterwards.
    func performAsMember(_ interruption: Interruption, _ body: Body) throws {
        isShared = isInTransaction
        membership = Membership(isActive: true)
        defer { membership.isActive = false }
        do {
            if isShared {
                try performInSavepoint { db in
                    try interruptibly(interruption, isWrite: true) { try body(db) }
                    try checkMayCommit()
                }
            } else {
                try interruptibly(interruption, isWrite: true) {
                    try run(.beginImmediate)
                    isInTransaction = true
                    try lookForRollback()
                    let db = SQLiteConnection(session: self)
                    try body(db)
                }
                if isGroupOpen { try checkMayCommit() }
            }
            if !isGroupOpen { throw transactionLost() }
            endMembership()
        } catch {
            if isShared, isGroupOpen { endMembership() } else { cleanUp() }
            throw error
        }
    }

    /// Throws what would fail the commit because of the member that has run.
    private func checkMayCommit() throws(SQLiteError) {
        var (pending, highest): (Int32, Int32) = (0, 0)
        _ = unsafe sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &pending, &highest, 0)
        if pending != 0 { throw SQLiteError(.constraintForeignKey, "FOREIGN KEY constraint failed", sql: "COMMIT") }
        if resetStatements() {
            throw SQLiteError(.busy, "cannot commit transaction - SQL statements in progress", sql: "COMMIT")
        }
    }

    /// Sets back what the member has set. If that is only possible after the transaction, the member is the last in it.
    private func endMembership() {
        restoreSettings()
        if settings.isChanged { membership.isAlone = true }
    }

    /// Finds out whether the schema lets a statement roll back the transaction. The member is alone in it then.
    private func lookForRollback() throws(SQLiteError) {
        let watch: SchemaWatch
        if let schemaWatch { watch = schemaWatch } else { watch = try SchemaWatch(self) }
        schemaWatch = watch
        try watch.update(self)
        membership.isAlone = watch.mentionsRollback
    }

    /// Refuses a statement that could undo the writes of other members.
    func checkMayShare(_ traits: StatementTraits, sql: String) throws(SQLiteError) {
        if traits.contains(.controlsSavepoint) { if !isShared { membership.isAlone = true } }
        guard schemaWatch?.mentionsRollback != true else { return }
        if traits.contains(.mayRollBack) {
            throw SQLiteError(
                .unshareable,
                "ROLLBACK as the action of a conflict or a trigger would undo other writes in the same transaction: use ABORT, "
                    + "or write(_:thenRead:) or writeWithoutTransaction, which share no transaction",
                sql: sql
            )
        }
        if traits.contains(.changesDatabases) {
            throw SQLiteError(
                .unshareable,
                "the schema of another database cannot change while writes share a transaction: use onOpen or "
                    + "writeWithoutTransaction",
                sql: sql
            )
        }
    }

    /// Commits what the members of a group have written, if a group is open.
    func endGroup() throws(SQLiteError) {
        defer { cleanUp() }
        guard isInTransaction else { return }
        isInTransaction = false
        try run(.commit)
    }
}
