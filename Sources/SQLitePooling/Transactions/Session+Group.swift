// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// The state of the group member that is running.
struct Membership {
    /// Whether a member is running, whose statements must not undo the writes of others.
    var isActive = false
    /// Whether the transaction must not take another member.
    var isAlone = false
}

extension Session {
    /// Whether the transaction of a group is open, with the writes of its members.
    var isGroupOpen: Bool { isInTransaction && !isAutocommitting && !mustRollBack }

    /// Runs a body as a member of a group of writes.
    ///
    /// The body runs in the open transaction, in its own savepoint. If no transaction is open, the
    /// body begins one, which ends if the body fails. A condition that would make the commit fail
    /// because of this member fails the member instead.
    ///
    /// - Throws: As `perform`. If the error loses the transaction, no group is open afterwards.
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
                    try checkSchemaForRollback()
                    let db = SQLiteConnection(session: self)
                    try body(db)
                }
                if isGroupOpen { try checkMayCommit() }
            }
            if !isGroupOpen { throw transactionAborted() }
            endMembership()
        } catch {
            if isShared, isGroupOpen { endMembership() } else { cleanUp() }
            throw error
        }
    }

    /// Throws the error that the member would cause at the commit.
    private func checkMayCommit() throws(SQLiteError) {
        var (pending, highest): (Int32, Int32) = (0, 0)
        _ = unsafe sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &pending, &highest, 0)
        if pending != 0 { throw SQLiteError(.constraintForeignKey, "FOREIGN KEY constraint failed", sql: "COMMIT") }
        if resetStatements() {
            throw SQLiteError(.busy, "cannot commit transaction - SQL statements in progress", sql: "COMMIT")
        }
    }

    /// Restores the settings that the member has changed. If that is impossible within the
    /// transaction, the member is its last.
    private func endMembership() {
        restoreSettings()
        if settings.isChanged { membership.isAlone = true }
    }

    /// Checks whether the schema lets a statement roll back the transaction. If so, the member
    /// stays alone in it.
    private func checkSchemaForRollback() throws(SQLiteError) {
        let watch: SchemaWatch
        if let schemaWatch { watch = schemaWatch } else { watch = try SchemaWatch(self) }
        schemaWatch = watch
        try watch.update(self)
        membership.isAlone = watch.mentionsRollback
    }

    /// Throws if a statement could undo the writes of other members.
    func checkMayShare(_ traits: StatementTraits, sql: String) throws(SQLiteError) {
        if traits.contains(.controlsSavepoint) { if !isShared { membership.isAlone = true } }
        guard schemaWatch?.mentionsRollback != true else { return }
        if traits.contains(.mayRollBack) {
            throw SQLiteError(
                .unshareable,
                "ROLLBACK in a conflict clause or a trigger would undo other writes in the same transaction: use ABORT, or "
                    + "write(_:thenRead:) or writeWithoutTransaction, which share no transaction",
                sql: sql
            )
        }
        if traits.contains(.changesDatabases) {
            throw SQLiteError(
                .unshareable,
                "the schema of another database cannot change while writes share a transaction: use setup or "
                    + "writeWithoutTransaction",
                sql: sql
            )
        }
    }

    /// Commits the writes of a group, if one is open.
    func endGroup() throws(SQLiteError) {
        defer { cleanUp() }
        guard isInTransaction else { return }
        isInTransaction = false
        try run(.commit)
    }
}
