// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What the owner of a link knows of its session on the server.
struct Session {
    /// The statements that are prepared on the server.
    var statements: StatementCache

    /// The types that statements and rows have named, as the database has them.
    var types = TypeCatalog()

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

    /// The statement is a pipeline of several.
    var isPipelining = false

    /// Whether a pooler may run each transaction in another session, so that there is none to reset.
    var isShared = false

    /// What has been asked of the server to end that statement early.
    var cancelRequest: CancelRequest?

    /// A statement was sent since the session was new or was reset.
    var isUsed = false

    /// The holder wants the connection closed on its return.
    var isDiscarded = false

    /// Statements have changed what a later lease would not expect, such as settings.
    var isChanged = false

    /// Prepared statements that `statements` does not know of, such as those of `PREPARE`, exist or may exist.
    var hasOwnStatements = false

    /// What the server has reported after the setup, of the settings that are compared.
    var reports = Reports()

    struct Reports {
        /// The values, each with its terminating zero, as `clockpool_reports_match` reads them.
        var values: [CChar] = []
        var count: Int32 = 0
    }

    /// Notes that the server may have prepared what `statements` does not know of.
    mutating func noteOwnStatement() {
        isChanged = true
        hasOwnStatements = true
    }

    /// Notes what a statement that is about to be sent may do to the session.
    ///
    /// - Returns: Whether it may change the session, so that its text must be looked at each time.
    @discardableResult
    mutating func noteText(_ sql: String) -> Bool {
        let isChange = SessionEffect.callsSessionFunction(sql)
        if isChange { isChanged = true }
        return isChange
    }

    /// Notes what a statement did that is not an ordinary one.
    ///
    /// - Parameter sql: The text of the statement, or of several; `nil` if it is not known.
    mutating func note(_ result: PostgresResult, sql: String?) {
        let tag = result.commandTag
        // Types come and go with tables, schemas and extensions too.
        if tag == "ROLLBACK" || ["CREATE ", "ALTER ", "DROP "].contains(where: tag.hasPrefix) { types.removeAll() }
        if tag.hasPrefix("ALTER ") { statements.resolved.forgetZones() }
        switch SessionEffect(commandTag: tag, hasRows: result.hasRows, sql: sql) {
        case .none: break
        case .changed: isChanged = true
        case .preparedStatements: noteOwnStatement()
        case .forgottenStatements:
            statements.removeAll()
            isChanged = true
        }
    }
}
