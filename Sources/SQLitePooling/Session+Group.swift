// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Session {
    /// Whether a transaction of a group is open, with what its members have written.
    var isGroupOpen: Bool { isInTransaction && !isAutocommitting && !mustRollBack }

    /// Runs a body as a member of a group of writes: in the transaction that is open, with a savepoint of its own; if none is, in
    /// a new one, which ends when the body fails.
    ///
    /// - Throws: As `perform`. If the transaction is lost with that, no group is open afterwards.
    func performAsMember(_ interruption: Interruption, _ body: Body) throws {
        isShared = isInTransaction
        do {
            if isShared {
                try performInSavepoint { db in
                    try interruptibly(interruption, isWrite: true) { try body(db) }
                }
            } else {
                try interruptibly(interruption, isWrite: true) {
                    try run(.beginImmediate)
                    isInTransaction = true
                    let db = SQLiteConnection(session: self)
                    try body(db)
                }
            }
            if !isGroupOpen { throw transactionLost() }
        } catch {
            if !isShared || !isGroupOpen { cleanUp() }
            throw error
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
