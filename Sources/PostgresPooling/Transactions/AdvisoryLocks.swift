// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresConnection {
    /// Takes an advisory lock until the end of the current transaction.
    ///
    /// Suspends until no other session holds the lock, or a conflicting mode of it. A transaction
    /// can take a lock repeatedly. A rollback to an older savepoint releases it.
    ///
    /// At the isolation levels `repeatableRead` and `serializable`, a transaction that has waited
    /// does not see what the former holder has committed, if its snapshot is older.
    ///
    /// - Parameters:
    ///   - key: The key of the lock.
    ///   - shared: Whether other shared holders may have the lock at the same time.
    ///   - timeout: The time limit for the wait; by default the configuration's
    ///     `statementTimeout`.
    /// - Throws: ``PostgresError``, with the code `transactionControl` outside a transaction, and
    ///   `timedOut` if the lock did not become free in time; `CancellationError` if the task was
    ///   cancelled before.
    public func advisoryLock(_ key: PostgresLockKey, shared: Bool = false, timeout: Duration? = nil) async throws {
        try await runInTransaction(key.call(.lock, shared: shared), timeout)
    }

    /// Takes an advisory lock until the end of the current transaction, if it is free.
    ///
    /// - Parameters:
    ///   - key: The key of the lock.
    ///   - shared: Whether other shared holders may have the lock at the same time.
    ///   - timeout: The time limit for the server's answer; by default the configuration's
    ///     `statementTimeout`.
    /// - Returns: Whether the transaction has the lock.
    /// - Throws: ``PostgresError``, with the code `transactionControl` outside a transaction;
    ///   `CancellationError` if the task was cancelled before the answer arrived.
    public func tryAdvisoryLock(
        _ key: PostgresLockKey,
        shared: Bool = false,
        timeout: Duration? = nil
    ) async throws -> Bool {
        try await runInTransaction(key.call(.tryLock, shared: shared), timeout).isTrue
    }

    /// Runs a call that has a meaning in a transaction only.
    @discardableResult
    private func runInTransaction(_ call: PostgresLockCall, _ timeout: Duration?) async throws -> PostgresResult {
        guard try await isReadyInTransaction(call.shown) else {
            throw PostgresError(
                .transactionControl,
                "the end of the statement would release the lock; use withTransaction, or withAdvisoryLock of the pool",
                sql: call.shown,
                outcome: .notExecuted
            )
        }
        do throws(PostgresError) { return try await run(call, limit(timeout)) } catch { throw error.forCaller }
    }

    /// Runs a call, whose key no error contains.
    @discardableResult
    func run(_ call: PostgresLockCall, _ limit: WaitLimit) async throws(PostgresError) -> PostgresResult {
        try await runScript(call.sql, shown: call.shown, limit)
    }
}

extension PostgresResult {
    /// Whether the only value, in text format, is true.
    var isTrue: Bool {
        guard rowCount == 1, let bytes = unsafe bytes(row: 0, column: 0) else { return false }
        return unsafe bytes.first == UInt8(ascii: "t")
    }
}

extension PostgresPool {
    /// Runs `body` in a transaction that holds an advisory lock, so that of all programs that use
    /// the key, one runs at a time.
    ///
    /// The transaction is `READ COMMITTED`: `body` sees what earlier holders have committed. It
    /// commits, and releases the lock, when `body` returns, and rolls back when it throws. The
    /// lock is part of the same message as `BEGIN`. It works behind any pooler with transactions.
    ///
    /// A caller that waits for the lock occupies a connection. If many may wait, give them a pool
    /// of their own, or use ``tryAdvisoryLock(_:shared:timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - key: The key of the lock.
    ///   - shared: Whether other shared holders may have the lock at the same time.
    ///   - timeout: The time limit for the waits for a connection and for the lock, and all
    ///     statements of the body together; `nil`, the default, for no limit of its own. The wait
    ///     for the lock takes at most the configuration's `statementTimeout`.
    ///   - checkoutTimeout: The time limit for the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. The connection cannot escape from it.
    /// - Returns: The result of `body`, after everything is committed.
    /// - Throws: As `withTransaction`; ``PostgresError`` with the code `timedOut` and the outcome
    ///   `notExecuted` if the lock did not become free in time.
    @discardableResult
    public func withAdvisoryLock<Result: ~Copyable>(
        _ key: PostgresLockKey,
        shared: Bool = false,
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        var start = try TransactionStart(isolation: .readCommitted)
        start.append(try key.call(.lock, shared: shared))
        let lease = try await checkOutInTransaction(
            start,
            within: limit(timeout, checkoutTimeout: checkoutTimeout),
            CallSite(inThisTask: file, line)
        )
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }

    /// Runs `body` in a transaction that holds an advisory lock, if the lock is free.
    ///
    /// Otherwise as ``withAdvisoryLock(_:shared:timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - key: The key of the lock.
    ///   - shared: Whether other shared holders may have the lock at the same time.
    ///   - timeout: The time limit for the wait for a connection and all statements of the body
    ///     together; `nil`, the default, for no limit of its own.
    ///   - checkoutTimeout: The time limit for the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that uses the connection. The connection cannot escape from it.
    /// - Returns: The result of `body`, after everything is committed; `nil` if another session
    ///   holds the lock, so that `body` did not run.
    /// - Throws: As `withTransaction`.
    @discardableResult
    public func tryAdvisoryLock<Result: ~Copyable>(
        _ key: PostgresLockKey,
        shared: Bool = false,
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result? {
        let lease = try await checkOutInTransaction(
            TransactionStart(isolation: .readCommitted),
            within: limit(timeout, checkoutTimeout: checkoutTimeout),
            CallSite(inThisTask: file, line)
        )
        guard try await lease.connection.tryAdvisoryLock(key, shared: shared) else { return nil }
        let result = try await body(lease.connection)
        try await lease.connection.commit()
        return result
    }
}
