// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// An open connection with all that belongs to it. Made, used and closed on one thread.
@safe
@usableFromInline
final class Session {
    let handle: OpaquePointer
    var busyTimeout: Duration
    var cache: StatementCache
    /// How values are encoded and decoded.
    let strategies: ValueStrategies

    /// What can interrupt the call that runs; `nil` where nothing can.
    var interruption: Interruption?
    /// Whether other calls have changes in the open transaction, which an interrupted write would undo.
    var isShared = false
    /// Whether the statement that runs writes. Known where the transaction is shared.
    var isWriting = false

    /// The statements that begin and end transactions, prepared when they are first needed.
    private var controls: [OpaquePointer?]

    /// Whether messages of errors may hold values.
    private let errorDetail: SQLiteConfiguration.ErrorDetail
    /// What the call that runs may take, and has taken.
    var budget: CallBudget
    /// Whether the rows of calls are counted.
    let countsRows: Bool

    /// Whether a transaction of the pool's is open: the body may not end it, nor go on when SQLite has.
    var isInTransaction = false
    /// Whether the open transaction can only be rolled back, because a savepoint could not.
    var mustRollBack = false
    /// Whether the connection is not to be used again: it has failed, or a body has left its mark on it.
    var isSpent = false

    /// How many savepoints of the pool's are open.
    var savepoints = 0
    /// Whether the connection writes, and may put several writes into one transaction.
    let mayShareCommits: Bool
    /// The write of a group that runs.
    var membership = Membership()
    /// Finds out whether the schema lets a statement roll back the transaction.
    var schemaWatch: SchemaWatch?

    /// Whether the statement that is being prepared is the pool's own, which nothing is refused.
    var isPrivileged = false
    /// Why the statement that is being prepared is refused, if it is.
    var refusal: Refusal?

    /// What the body has set.
    var settings = Settings()

    /// What the statement that is being prepared does.
    var traits: StatementTraits = []
    /// Whether the statement that is being prepared will not run.
    var isDescribing = false
    /// When the present wait for another process's lock began.
    var busySince = ContinuousClock.now
    /// The lengths of the write-ahead logs: of the main database, and of attached ones since their first commit. Empty for readers.
    var logs: [LogLength] = []
    /// When checkpoints are due.
    var checkpoints = SQLiteConfiguration.Checkpoints()
    /// Keeps other connections from writing during a checkpoint; opened for the first one.
    var openCheckpointLock: CheckpointLock?
    /// The database whose checkpoint ends with a wait for a lock in vain; `nil` where none is made.
    var endsCheckpointOnBusyTimeout: String?
    /// The file as it was opened, where it is read as one that cannot change.
    var unchangingFile: UnchangingFile?
    /// What the connection is to; a temporary file lasts as long.
    var file: SQLiteFile?
    /// The connection's part in the refresh of the planner's statistics; `nil` where it has none.
    var statistics: StatisticsMaintenance?

    init(_ handle: OpaquePointer, configuration: SQLiteConfiguration) {
        unsafe self.handle = handle
        busyTimeout = configuration.busyTimeout
        errorDetail = configuration.errorDetail
        budget = CallBudget(configuration.effectiveLimits)
        countsRows = budget.countsRows
        strategies = configuration.strategies
        mayShareCommits = configuration.maximumWritesPerCommit > 1
        cache = StatementCache(capacity: configuration.statementCacheCapacity)
        unsafe controls = Array(repeating: nil, count: Control.allCases.count)
    }

    /// Closes the connection. It must not be used any more.
    func close() {
        closeCheckpointLock()
        endStatistics()
        cache.removeAll()
        schemaWatch?.close()
        for index in unsafe controls.indices { _ = unsafe sqlite3_finalize(controls[index]) }
        // Nothing is left that could keep it open; if something were, it would be closed with that.
        _ = unsafe sqlite3_close_v2(handle)
    }

    /// Whether no transaction is open but those of single statements.
    var isAutocommitting: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

    // MARK: - Control of transactions

    /// A statement of the pool's own.
    enum Control: Int, CaseIterable {
        case begin, look, beginImmediate, commit, rollBack, savepoint, releaseSavepoint, rollBackToSavepoint

        /// Savepoints may share a name: it means the last of them.
        var text: String {
            switch self {
            case .begin: "BEGIN DEFERRED"
            case .look: "SELECT 1 FROM sqlite_schema LIMIT 1"
            case .beginImmediate: "BEGIN IMMEDIATE"
            case .commit: "COMMIT"
            case .rollBack: "ROLLBACK"
            case .savepoint: "SAVEPOINT lock_pool"
            case .releaseSavepoint: "RELEASE lock_pool"
            case .rollBackToSavepoint: "ROLLBACK TO lock_pool"
            }
        }
    }

    func run(_ control: Control) throws(SQLiteError) {
        try prepare(control)
        // SQLite prepares it again where the schema has changed.
        isPrivileged = true
        defer { isPrivileged = false }
        let code = unsafe sqlite3_step(controls[control.rawValue])
        defer { _ = unsafe sqlite3_reset(controls[control.rawValue]) }
        // The release of an outermost savepoint commits.
        endCommit()
        if code != SQLITE_DONE, code != SQLITE_ROW { throw failure(code, sql: control.text) }
    }

    /// Prepares a statement of the pool's own, if it is not, so that no memory is needed when it runs.
    func prepare(_ control: Control) throws(SQLiteError) {
        guard unsafe controls[control.rawValue] == nil else { return }
        isPrivileged = true
        defer { isPrivileged = false }
        let options = UInt32(SQLITE_PREPARE_PERSISTENT)
        let code = unsafe sqlite3_prepare_v3(handle, control.text, -1, options, &controls[control.rawValue], nil)
        if code != SQLITE_OK { throw failure(code, sql: control.text) }
    }

    // MARK: - Failures

    /// The error for `code`. A connection that cannot be trusted after it is spent.
    func failure(
        _ code: Int32,
        sql: String?,
        start: Int = 0,
        phase: SQLiteError.Phase = .run
    ) -> SQLiteError {
        if code & 0xff == SQLITE_INTERRUPT, let error = budget.error(sql: sql) { return error }
        let error = unsafe SQLiteError(code, of: handle, sql: sql, start: start, phase: phase, detail: errorDetail)
        switch error.code.primary {
        case .inputOutput, .corrupt, .notADatabase, .cannotOpen, .internalFault, .misuse, .protocolFailure:
            isSpent = true
        default:
            if error.code == .readOnlyMoved { isSpent = true }
        }
        return error
    }
}
