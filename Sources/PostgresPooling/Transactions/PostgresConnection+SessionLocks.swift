// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

extension PostgresConnection {
    /// Runs `body` while the session holds an advisory lock, in as many transactions as it needs.
    ///
    /// Prefer `withAdvisoryLock` of the pool, whose lock ends with its transaction. This is for
    /// work that cannot be one transaction, such as `CREATE INDEX CONCURRENTLY` under a lock.
    ///
    /// A statement that waits for the lock is a transaction, for whose end
    /// `CREATE INDEX CONCURRENTLY` of the lock's holder waits: the server ends one of the two. Use
    /// ``trySessionAdvisoryLock(_:shared:timeout:_:)``, repeatedly, for such statements.
    ///
    /// The lock is released when `body` returns or throws. If that is impossible at once, because
    /// the task is cancelled, the time limit of the enclosing body has passed, or `body` has left
    /// a transaction open, the pool closes the connection at the end of its lease, with which the
    /// server releases the lock. The same applies after a wait for the lock that has ended early.
    ///
    /// - Parameters:
    ///   - key: The key of the lock.
    ///   - shared: Whether other shared holders may have the lock at the same time.
    ///   - timeout: The time limit for the wait for the lock and all statements of `body`
    ///     together; `nil`, the default, for no limit of its own. The wait for the lock takes at
    ///     most the configuration's `statementTimeout`.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. ``PostgresError``, with the code `unsupported`
    ///   behind a pooler that may run each transaction in another session, `transactionControl`
    ///   within a transaction or if `body` has left one open, and `timedOut` if the lock did not
    ///   become free in time. `CancellationError` if the task was cancelled before.
    @discardableResult
    public func withSessionAdvisoryLock<Result: ~Copyable>(
        _ key: PostgresLockKey,
        shared: Bool = false,
        timeout: Duration? = nil,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let lock = try key.call(.sessionLock, shared: shared)
        let unlock = try key.call(.sessionUnlock, shared: shared)
        let outer = beginBody(timeout: timeout)
        defer { session.state.deadline = outer }
        try await take(lock)
        return try await run(releasing: unlock, outer, body)
    }

    /// Runs `body` while the session holds an advisory lock, if the lock is free.
    ///
    /// Otherwise as ``withSessionAdvisoryLock(_:shared:timeout:_:)``.
    ///
    /// - Parameters:
    ///   - key: The key of the lock.
    ///   - shared: Whether other shared holders may have the lock at the same time.
    ///   - timeout: The time limit for all statements of `body` together; `nil`, the default, for
    ///     no limit of its own.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`; `nil` if another session holds the lock, so that `body`
    ///   did not run.
    /// - Throws: As ``withSessionAdvisoryLock(_:shared:timeout:_:)``.
    @discardableResult
    public func trySessionAdvisoryLock<Result: ~Copyable>(
        _ key: PostgresLockKey,
        shared: Bool = false,
        timeout: Duration? = nil,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result? {
        let lock = try key.call(.trySessionLock, shared: shared)
        let unlock = try key.call(.sessionUnlock, shared: shared)
        let outer = beginBody(timeout: timeout)
        defer { session.state.deadline = outer }
        guard try await take(lock).isTrue else { return nil }
        return try await run(releasing: unlock, outer, body)
    }

    /// Runs the body of a lock that the session holds, and releases the lock.
    ///
    /// - Parameter outer: The deadline of the enclosing bodies.
    private func run<Result: ~Copyable>(
        releasing unlock: PostgresLockCall,
        _ outer: UInt64,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        do {
            let result = try await body(self)
            try await release(unlock)
            return result
        } catch {
            await abandon(unlock, by: outer)
            throw error
        }
    }

    /// Takes a lock for the session.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    @discardableResult
    private func take(_ lock: PostgresLockCall) async throws -> PostgresResult {
        guard try await !isReadyInTransaction(lock.shown) else {
            throw PostgresError(
                .transactionControl,
                "withSessionAdvisoryLock was called within a transaction; use advisoryLock there",
                sql: lock.shown,
                outcome: .notExecuted
            )
        }
        do throws(PostgresError) {
            guard try await session.isItsOwn(limit(nil)) else {
                throw PostgresError(
                    .unsupported,
                    "a pooler may run the next transaction in another session, without the lock; use withAdvisoryLock of the pool, or set pooler to .session if it keeps sessions",
                    sql: lock.shown,
                    outcome: .notExecuted
                )
            }
            return try await run(lock, limit(nil))
        } catch {
            // The server may have granted the lock just before the end of the wait.
            if error.outcome == .unknown { session.state.isDiscarded = true }
            throw error.withoutEffect().forCaller
        }
    }

    /// Releases the lock of a body that has returned.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    private func release(_ unlock: PostgresLockCall) async throws {
        guard try await !isReadyInTransaction(unlock.shown) else {
            throw PostgresError(
                .transactionControl,
                "the body of withSessionAdvisoryLock has left a transaction open",
                sql: unlock.shown
            )
        }
        do throws(PostgresError) {
            try await run(unlock, limit(nil))
        } catch {
            // A second call might release the lock of an enclosing body with the same key.
            session.state.isDiscarded = true
            throw error.forCaller
        }
    }

    /// Releases the lock of a body that has failed.
    ///
    /// - Parameter outer: The deadline of the enclosing bodies.
    private func abandon(_ unlock: PostgresLockCall, by outer: UInt64) async {
        // Stays, unless the lock is certainly released.
        let wasDiscarded = session.state.isDiscarded
        session.state.isDiscarded = true
        if wasDiscarded || session.isLost || Task.isCancelled || MonotonicClock.now >= outer { return }
        let deadline = min(outer, MonotonicClock.deadline(after: resetTimeout))
        session.beginUse()
        defer { session.endUse() }
        session.endStreams()
        guard await session.recover(by: deadline), unsafe PQtransactionStatus(session.handle) == PQTRANS_IDLE else {
            return
        }
        let observation = session.observe(unlock.shown)
        do throws(PostgresError) {
            let limit = WaitLimit(deadline: deadline, isCancellable: false)
            let result = try await session.runScript(unlock.sql, limit)
            observation?.complete(result)
            session.state.isDiscarded = false
        } catch {
            observation?.fail(error)
        }
    }
}
