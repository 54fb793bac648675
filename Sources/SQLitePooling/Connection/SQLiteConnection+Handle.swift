// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteConnection {
    /// Calls `body` with SQLite's handle of the connection, the `sqlite3*` of its C functions.
    ///
    /// ```swift
    /// let memory = unsafe db.withHandle { handle in unsafe sqlite3_db_release_memory(handle) }
    /// ```
    ///
    /// The handle must not be closed, must not leave `body`, and is used on this thread only. When
    /// `body` returns or throws, the connection is inspected:
    /// - the pool's callbacks, which are the busy handler, the progress handler, the authorizer,
    ///   and the hooks of commits and of the log, are installed again, and limits and options of
    ///   `sqlite3_db_config` are set back;
    /// - update, rollback and trace hooks are removed, unless `body` runs in the hook
    ///   `afterConnect`;
    /// - the connection is replaced after its use if `body` has left a statement that is not
    ///   finalized, or has changed what cannot be set back: by a pragma, an attached database, a
    ///   temporary object, or by replacing hooks that `afterConnect` had installed;
    /// - an open transaction is handled as one that a statement of the caller has begun.
    ///
    /// Statements that `body` prepares cannot begin or end a transaction where the pool has one:
    /// SQLite refuses them with `SQLITE_AUTH`, as it does pragmas that would break the pool.
    /// Functions and modules that `body` registers stay.
    ///
    /// - Parameter body: Receives the handle.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged.
    /// - Complexity: O(number of prepared statements), besides `body`.
    @unsafe
    public func withHandle<Value, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        session.settleChanges()
        let before = HandleState(of: session)
        session.isHandleLent = true
        defer {
            session.isHandleLent = false
            session.inspectLentHandle(before)
        }
        return unsafe try body(session.handle)
    }
}

/// What C functions can change on a connection without a statement.
struct HandleState {
    fileprivate let options: [(id: Int32, value: Int32)]
    fileprivate let limits: [Int32]
    fileprivate let statementCount: Int
    fileprivate let changeCount: Int64

    init(of session: Session) {
        // An option that this SQLite does not have fails.
        options = (SQLITE_DBCONFIG_ENABLE_FKEY...1_022).compactMap { id in
            var value: Int32 = 0
            let code = unsafe clockpool_sqlite_option(session.handle, id, &value)
            return code == SQLITE_OK ? (id, value) : nil
        }
        limits = (0...SQLITE_LIMIT_WORKER_THREADS).map { unsafe sqlite3_limit(session.handle, $0, -1) }
        var count = 0
        var next = unsafe sqlite3_next_stmt(session.handle, nil)
        while let statement = unsafe next {
            count += 1
            unsafe next = sqlite3_next_stmt(session.handle, statement)
        }
        statementCount = count
        changeCount = unsafe sqlite3_total_changes64(session.handle)
    }
}

extension Session {
    /// Restores what a body may have changed by the handle; otherwise the connection is replaced
    /// after its use.
    fileprivate func inspectLentHandle(_ before: HandleState) {
        let after = HandleState(of: self)
        if after.statementCount > before.statementCount { isAltered = true }
        for (old, new) in zip(before.options, after.options) where old.value != new.value {
            _ = unsafe clockpool_sqlite_set_option(handle, old.id, old.value)
        }
        for (id, limit) in before.limits.enumerated() where limit != after.limits[id] {
            _ = unsafe sqlite3_limit(handle, Int32(id), limit)
        }
        _ = unsafe sqlite3_extended_result_codes(handle, 1)
        // Removes the hook of the log.
        _ = unsafe sqlite3_wal_autocheckpoint(handle, 0)
        installCallbacks()
        if !logs.isEmpty { installLogHook() }
        guard file != nil else { return mayHaveHooks = true }
        if mayHaveHooks { isAltered = true }
        _ = unsafe sqlite3_update_hook(handle, nil, nil)
        _ = unsafe sqlite3_rollback_hook(handle, nil, nil)
        _ = unsafe sqlite3_trace_v2(handle, 0, nil, nil)
        installChangeHooks()
        noteUnknownChanges(hasChangedRows: after.changeCount != before.changeCount)
    }
}
