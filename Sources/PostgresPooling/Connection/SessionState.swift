// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// What the client knows of a session on the server.
struct SessionState {
    /// The statements that are prepared on the server.
    var statements: StatementCache

    /// The types that statements and rows refer to, as the database defines them.
    var types = TypeCatalog()

    /// Whether a statement has been sent whose answer has not been read to its end.
    var isAnswerPending = false

    /// The transactions that `withTransaction` has begun in the current lease.
    var transactions = TransactionRecord()

    /// The deadline of the current body, in nanoseconds of the monotonic clock. Applies to all its
    /// statements.
    var deadline = Reactor.never

    /// The call for which the connection is leased, if its statements have observers.
    var observedCall: ObservedCall?

    /// Whether a transaction was open when the latest statement was sent.
    var wasInTransaction = false

    /// Whether libpq is in single-row mode since the latest statement.
    var isRowByRow = false

    /// Whether the current stream of rows may change data, so that it must not be cancelled.
    var isStreamingChanges = false

    /// Whether the server had announced the end of the session before the latest statement was
    /// sent. It does not read that statement.
    var wasEnded = false

    /// Whether the statement is a pipeline of several.
    var isPipelining = false

    /// The number of parts of the pipeline whose end has not been received.
    var pendingSyncs = 0

    /// Whether a pooler may run each transaction in another session, so that there is none to
    /// reset.
    var isShared = false

    /// Whether every transaction runs in the same session; `nil` if that is not known yet.
    var hasOwnSession: Bool?

    /// The request to cancel the pending statement.
    var cancelRequest: CancelRequest?

    /// Whether a statement was sent since the session was new or was reset.
    var isUsed = false

    /// Whether the lease holder wants the connection closed on its release.
    var isDiscarded = false

    /// Whether statements have changed the session in ways that a later lease does not expect,
    /// such as settings.
    var isChanged = false

    /// Whether the server may have prepared statements that `statements` does not contain, such as
    /// those of `PREPARE`.
    var hasOwnStatements = false

    /// The compared parameters, as the server reported them after the setup.
    var reports = Reports()

    struct Reports {
        /// The values, each with its terminating zero, as `clockpool_reports_match` reads them.
        var values: [CChar] = []
        var count: Int32 = 0
    }

    /// Records that the server may have prepared a statement that `statements` does not contain.
    mutating func recordOwnStatement() {
        isChanged = true
        hasOwnStatements = true
    }

    /// Records what a statement that is about to be sent may do to the session.
    ///
    /// - Returns: Whether it may change the session, so that its text must be checked each time.
    @discardableResult
    mutating func recordText(_ sql: String) -> Bool {
        let isChange = SessionEffect.callsSessionFunction(sql)
        if isChange { isChanged = true }
        return isChange
    }

    /// Records the effect of a statement that is not a plain query or data change.
    ///
    /// - Parameter sql: The text of the statement, or of several; `nil` if it is not known.
    mutating func record(_ result: PostgresResult, sql: String?) {
        let tag = result.commandTag
        // Types appear and disappear with tables, schemas and extensions too.
        if tag == "ROLLBACK" || ["CREATE ", "ALTER ", "DROP "].contains(where: tag.hasPrefix) { types.removeAll() }
        if tag.hasPrefix("ALTER ") { statements.resolved.removeZoneChecks() }
        switch SessionEffect(commandTag: tag, hasRows: result.hasRows, sql: sql) {
        case .none: break
        case .changed: isChanged = true
        case .preparedStatements: recordOwnStatement()
        case .forgottenStatements:
            statements.removeAll()
            isChanged = true
        }
    }
}
