// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What the owner of a link knows of its session on the server.
struct Session {
    /// The statements that are prepared on the server.
    var statements: StatementCache

    /// A statement has been sent whose answer has not been read to its end.
    var isAnswerPending = false

    /// The transactions that `withTransaction` has begun in the present lease.
    var transactions = TransactionRecord()

    /// A transaction was open when the latest statement was sent.
    var wasInTransaction = false

    /// The stream of rows that is under way may change data, so that it must not be ended early.
    var isStreamingChanges = false

    /// The server had said that it ends the session when the latest statement was sent, and so does not read it.
    var wasEnded = false

    /// What has been asked of the server to end that statement early.
    var cancelRequest: CancelRequest?

    /// Statements have changed what the next user of the session would not expect, such as settings.
    var isChanged = false

    /// Among that are, or may be, prepared statements that `statements` does not know of, such as those of `PREPARE`.
    var hasOwnStatements = false

    /// Whether the next user finds it as it was when it was new, and can send a statement.
    var isInOrder: Bool { !isAnswerPending && cancelRequest == nil && !isChanged }

    /// Notes that the server may have prepared what `statements` does not know of.
    mutating func noteOwnStatement() {
        isChanged = true
        hasOwnStatements = true
    }

    /// Notes what a statement did, by its command tag.
    ///
    /// `SET LOCAL` has the tag of `SET`: the price of the mistake is a reset without need.
    mutating func note(commandTag: String) {
        switch commandTag {
        case "SET", "RESET", "LISTEN", "LOAD", "DECLARE CURSOR": isChanged = true
        case "PREPARE": noteOwnStatement()
        case "DEALLOCATE ALL", "DISCARD ALL": statements.removeAll()
        default: break
        }
    }
}
