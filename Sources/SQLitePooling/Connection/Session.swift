// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

/// The owner of one SQLite connection handle and its state. Created, used and closed on one
/// thread.
@safe
@usableFromInline
final class Session {
    let handle: OpaquePointer
    var busyTimeout: Duration
    var cache: StatementCache
    /// The strategies for encoding and decoding values.
    let strategies: ValueStrategies

    /// The interruption of the running call; `nil` if nothing can interrupt it.
    var interruption: Interruption?
    /// Whether the open transaction contains writes of other calls, which an interrupted write
    /// would undo.
    var isShared = false { didSet { watchesWrites = isShared || changes != nil } }
    /// Whether the running statement writes. Known if the transaction is shared.
    var isWriting = false
    /// Whether a step of a writing statement does more than the step: in a shared transaction, and
    /// while changes have subscribers.
    private(set) var watchesWrites = false

    /// The statements that begin and end transactions, prepared on first use.
    private var controlStatements: [OpaquePointer?]

    /// Whether error messages may contain values.
    private let errorDetail: SQLiteConfiguration.ErrorDetail
    /// The limits of the running call, and how much of them it has used.
    var budget: CallBudget
    /// Whether rows are counted: their bytes are limited, or statements have observers.
    var countsRows: Bool

    /// Whether one of the pool's transactions is open. The body must not end it, nor continue
    /// after SQLite has ended it.
    var isInTransaction = false
    /// Whether the open transaction can only be rolled back, because a savepoint could not be.
    var mustRollBack = false
    /// Whether the connection has failed.
    private var hasFailed = false
    /// Whether a body or a hook has changed the connection in a way that cannot be restored. The
    /// connection still works.
    var isAltered = false
    /// Whether the connection must not be used again: it has failed, or a body has left a state
    /// that cannot be restored.
    var mustBeReplaced: Bool {
        get { hasFailed || isAltered }
        set {
            hasFailed = newValue
            if !newValue { isAltered = false }
        }
    }
    /// Whether the connection works, even if it must be replaced after its use.
    var isUsable: Bool { !hasFailed }

    /// The number of the pool's open savepoints.
    var savepoints = 0
    /// Whether the connection writes and may put several writes into one transaction.
    let mayShareCommits: Bool
    /// The state of the group member that is running.
    var membership = Membership()
    /// Detects whether the schema lets a statement roll back the transaction.
    var schemaWatch: SchemaWatch?

    /// Whether the statement that is being prepared is the pool's own, for which nothing is
    /// refused.
    var isPrivileged = false
    /// Whether a body uses the connection's handle.
    var isHandleLent = false
    /// Whether the hook `afterConnect` may have installed hooks of its own by the handle.
    var mayHaveHooks = false
    /// The reason for which the preparation is refused; `nil` if it is not.
    var refusal: Refusal?

    /// Collects the changes of transactions; `nil` without subscribers.
    var changes: ChangeTracker? { didSet { watchesWrites = isShared || changes != nil } }
    /// What the statement that is being prepared uses; `nil` if that is not recorded.
    var access: StatementAccess?
    /// The versions of the databases when changes by other connections were last looked for.
    var dataVersions: [String]?

    /// The last errors of functions, with which a statement fails.
    var functionFailures = FunctionFailures()

    /// The settings that the body has changed.
    var settings = Settings()

    /// The traits of the statement that is being prepared.
    var traits: StatementTraits = []
    /// Whether the statement that is being prepared will not run.
    var isDescribing = false
    /// When the current wait for a lock of another process began.
    var busySince = ContinuousClock.now
    /// The lengths of the write-ahead logs: of the main database, and of attached ones since their
    /// first commit. Empty for readers.
    var logs: [LogLength] = []
    /// The settings of automatic checkpoints.
    var checkpoints = SQLiteConfiguration.Checkpoints()
    /// Keeps other connections from writing during a checkpoint; opened for the first checkpoint.
    var openCheckpointLock: CheckpointLock?
    /// The database whose checkpoint ends when a wait for a lock times out; `nil` if no such
    /// checkpoint runs.
    var endsCheckpointOnBusyTimeout: String?
    /// The state of the file when it was opened, if it is read without locks.
    var immutableFile: ImmutableFile?
    /// The file of the connection. A retained temporary database is not removed.
    var file: SQLiteFile?
    /// The connection's part in the refresh of the planner's statistics; `nil` if it has none.
    var statistics: StatisticsMaintenance?

    /// The observers of statements; `nil` if there are none.
    var statementObservers: StatementObservers? {
        didSet { countsRows = budget.countsRows || statementObservers != nil }
    }
    /// The call that runs, if statements have observers.
    var observedCall: ObservedCall?

    init(_ handle: OpaquePointer, configuration: SQLiteConfiguration) {
        unsafe self.handle = handle
        busyTimeout = configuration.busyTimeout
        errorDetail = configuration.errorDetail
        budget = CallBudget(configuration.effectiveLimits)
        countsRows = budget.countsRows
        strategies = configuration.strategies
        mayShareCommits = configuration.maximumWritesPerCommit > 1
        cache = StatementCache(capacity: configuration.statementCacheCapacity)
        unsafe controlStatements = Array(repeating: nil, count: ControlStatement.allCases.count)
    }

    /// Closes the connection, which must not be used afterwards.
    func close() {
        closeCheckpointLock()
        endStatistics()
        cache.removeAll()
        schemaWatch?.close()
        for index in unsafe controlStatements.indices { _ = unsafe sqlite3_finalize(controlStatements[index]) }
        // Closes immediately, because no statement is left. A remaining one would delay the close
        // until it is finalized.
        _ = unsafe sqlite3_close_v2(handle)
    }

    /// Whether no explicit transaction is open.
    var isAutocommitting: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

    // MARK: - Control statements

    /// One of the pool's own statements.
    static let savepointName = "lock_pool"

    enum ControlStatement: Int, CaseIterable {
        case begin, readSchema, beginImmediate, commit, rollBack, savepoint, releaseSavepoint, rollBackToSavepoint

        /// The text. Nested savepoints have the same name, which refers to the innermost one.
        var text: String {
            switch self {
            case .begin: "BEGIN DEFERRED"
            case .readSchema: "SELECT 1 FROM sqlite_schema LIMIT 1"
            case .beginImmediate: "BEGIN IMMEDIATE"
            case .commit: "COMMIT"
            case .rollBack: "ROLLBACK"
            case .savepoint: "SAVEPOINT lock_pool"
            case .releaseSavepoint: "RELEASE lock_pool"
            case .rollBackToSavepoint: "ROLLBACK TO lock_pool"
            }
        }
    }

    func run(_ control: ControlStatement) throws(SQLiteError) {
        // A reader's snapshot begins and ends without I/O.
        if observedCall != nil, control != .readSchema, !isReader {
            return try observing(observe(control.text)) { () throws(SQLiteError) in try perform(control) }
        }
        try perform(control)
    }

    private func perform(_ control: ControlStatement) throws(SQLiteError) {
        try prepare(control)
        // SQLite prepares the statement again if the schema has changed.
        isPrivileged = true
        defer { isPrivileged = false }
        let code = unsafe sqlite3_step(controlStatements[control.rawValue])
        defer { _ = unsafe sqlite3_reset(controlStatements[control.rawValue]) }
        // Releasing an outermost savepoint commits.
        endCommit()
        if code != SQLITE_DONE, code != SQLITE_ROW { throw failure(code, sql: control.text) }
    }

    /// Prepares a control statement if necessary, so that running it needs no memory.
    func prepare(_ control: ControlStatement) throws(SQLiteError) {
        guard unsafe controlStatements[control.rawValue] == nil else { return }
        isPrivileged = true
        defer { isPrivileged = false }
        let options = UInt32(SQLITE_PREPARE_PERSISTENT)
        let index = control.rawValue
        let code = unsafe sqlite3_prepare_v3(handle, control.text, -1, options, &controlStatements[index], nil)
        if code != SQLITE_OK { throw failure(code, sql: control.text) }
    }

    // MARK: - Errors

    /// Returns the error for `code`. An error that leaves the connection in an unknown state makes
    /// the pool replace it.
    func failure(
        _ code: Int32,
        sql: String?,
        start: Int = 0,
        phase: SQLiteError.Phase = .run
    ) -> SQLiteError {
        if code & 0xff == SQLITE_INTERRUPT, let error = budget.error(sql: sql) { return error }
        if code == SQLITE_ERROR, let error = functionFailures.take(unsafe String(cString: sqlite3_errmsg(handle))) {
            return SQLiteError(error.code, error.message, sql: sql)
        }
        let error = unsafe SQLiteError(code, of: handle, sql: sql, start: start, phase: phase, detail: errorDetail)
        switch error.code.primary {
        case .inputOutput, .corrupt, .notADatabase, .cannotOpen, .internalFault, .misuse, .protocolFailure:
            mustBeReplaced = true
        default:
            guard error.code == .readOnlyMoved else { break }
            mustBeReplaced = true
            file?.forgetPreparation()
        }
        return error
    }
}

// MARK: - Maintenance

extension Session {
    /// Whether the connection's thread has maintenance to do after the outcome of the current
    /// call.
    ///
    /// - Complexity: O(databases).
    var isMaintenanceDue: Bool { isCheckpointDue || isStatisticsMaintenanceDue }

    /// Does the maintenance that is due: checkpoints, then statistics. Called outside of
    /// transactions.
    func maintain() {
        makeDueCheckpoints()
        maintainStatistics()
    }
}
