// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

extension PostgresConnection {
    /// The visibility of concurrent transactions, as described in "Transaction Isolation" of
    /// PostgreSQL's manual.
    public enum IsolationLevel: String, Sendable, Hashable, CaseIterable {
        /// Each statement sees what was committed before it began.
        case readCommitted = "READ COMMITTED"
        /// All statements see what was committed before the first one began. An update of a row
        /// that another transaction has changed since then fails with a retryable error.
        case repeatableRead = "REPEATABLE READ"
        /// Transactions behave as if they ran one after another. A transaction that cannot fails
        /// with a retryable error.
        case serializable = "SERIALIZABLE"
    }
}

extension PostgresConnection {
    /// Runs `body` in a transaction, which commits when `body` returns and rolls back when it
    /// throws.
    ///
    /// Within another transaction the call fails: use ``withSavepoint(timeout:_:)`` there.
    ///
    /// If `body` throws, the call waits for the rollback, for at most the configuration's
    /// `resetTimeout` and within the time limit of the enclosing body. If that time limit has
    /// passed, or the task is cancelled, the call throws at once, and the pool rolls back when the
    /// lease ends.
    ///
    /// The statements of `body` must not begin or end a transaction. Such a statement runs but
    /// fails with the code `transactionControl`, and no other statement is sent before the
    /// outermost body ends. `body` may use savepoints of its own.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - settings: The settings of the transaction by name, such as `app.tenant`. They end with
    ///     it.
    ///   - timeout: The time limit for all statements of the transaction together, `COMMIT`
    ///     included; `nil`, the default, for no limit of its own.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. ``PostgresError`` if the transaction could not
    ///   begin or commit, with the code `encoding` for a setting that cannot be sent,
    ///   `transactionControl` within another transaction, or if `body` returned although it had
    ///   ended the transaction itself, `transactionAborted` if `body` returned although one of its
    ///   statements had failed, and `outcomeUnknown` if the connection was lost, the time ran out
    ///   or the task was cancelled after `COMMIT` was sent. With any other code nothing is
    ///   committed, nor with `CancellationError`, for a task that was cancelled before.
    @discardableResult
    public func withTransaction<Result: ~Copyable>(
        isolation: IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:],
        timeout: Duration? = nil,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let start = try TransactionStart(isolation: isolation, readOnly: readOnly, settings: settings)
        let outer = beginBody(timeout: timeout)
        defer { session.state.deadline = outer }
        guard try await !isReadyInTransaction("BEGIN") else {
            throw PostgresError(
                .transactionControl,
                "withTransaction was called within a transaction; use withSavepoint there",
                sql: "BEGIN",
                outcome: .notExecuted
            )
        }
        return try await runTransaction(start, outer, body)
    }

    /// Runs `body` in a savepoint of the current transaction: if `body` throws, its changes are
    /// undone, and the transaction can continue.
    ///
    /// Outside a transaction, `body` runs in a transaction of its own, as in
    /// ``withTransaction(isolation:readOnly:settings:timeout:_:)``.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for all statements of `body` together; `nil`, the default, for
    ///     no limit of its own.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. Otherwise as
    ///   ``withTransaction(isolation:readOnly:settings:timeout:_:)``, with the code
    ///   `transactionControl` also if `body` returned although it had released an older savepoint,
    ///   or rolled back to one.
    @discardableResult
    public func withSavepoint<Result: ~Copyable>(
        timeout: Duration? = nil,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let outer = beginBody(timeout: timeout)
        defer { session.state.deadline = outer }
        guard try await isReadyInTransaction("SAVEPOINT") else {
            return try await runTransaction(TransactionStart(), outer, body)
        }
        return try await runSavepoint(outer, body)
    }

    /// Ends earlier statements, and returns whether a transaction is open. Until they have ended,
    /// that is unknown.
    func isReadyInTransaction(_ sql: String) async throws -> Bool {
        do throws(PostgresError) { try await prepareToSend(sql: sql, limit(nil)) } catch { throw error.forCaller }
        return isInTransaction
    }

    private func runTransaction<Result: ~Copyable>(
        _ start: TransactionStart,
        _ outer: UInt64,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        try await begin(start)
        do {
            let result = try await body(self)
            try await commit()
            return result
        } catch {
            await undo("ROLLBACK", by: outer)
            throw error
        }
    }

    /// Begins a transaction.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    func begin(_ start: TransactionStart) async throws {
        do throws(PostgresError) {
            try await runScript(start.script, shown: start.shown, limit(nil))
        } catch {
            // The server may still run it. Later statements on this connection must not be part of
            // that transaction.
            if !session.isLost { session.state.transactions.obstacle = .undo("ROLLBACK") }
            throw error.withoutEffect().forCaller
        }
        if start.changesNames {
            session.state.isChanged = true
            session.state.types.removeNames()
        }
        session.state.transactions.depth = 1
    }

    /// Commits the transaction.
    ///
    /// - Throws: `CancellationError` if the task was cancelled before `COMMIT` was sent; otherwise
    ///   `PostgresError`.
    func commit() async throws { try await commit(followedBy: nil) }

    /// Commits the transaction, and asks the server something in the same round trip.
    ///
    /// - Parameter question: A statement without parameters; `nil` for none.
    /// - Returns: The first value of the answer; `nil` if the server has committed, but not
    ///   answered.
    /// - Throws: As ``commit()``.
    @discardableResult
    func commit(followedBy question: String?) async throws -> String? {
        if let error = session.controlError(sql: "COMMIT") { throw error }
        let (tag, answer): (String, String?)
        do throws(PostgresError) {
            let limit = limit(nil)
            try await prepareToSend(sql: "COMMIT", limit)
            // If the end of the connection is known before `COMMIT` is sent, nothing is committed.
            session.pollForEnd()
            try checkTransaction(sql: "COMMIT")
            session.state.transactions.depth = 0
            if let question {
                let results = try await runCommit(followedBy: question, limit)
                (tag, answer) = (results[0].commandTag, results.dropFirst().first?.firstText)
            } else {
                (tag, answer) = (try await runScript("COMMIT", limit).commandTag, nil)
            }
        } catch {
            throw error.asCommitError().forCaller
        }
        if tag == "ROLLBACK" {
            throw PostgresError(
                .transactionAborted,
                "the transaction was rolled back, because a statement in it had failed",
                sql: "COMMIT"
            )
        }
        return answer
    }

    /// - Returns: The result of the commit, and that of the question if it has succeeded.
    private func runCommit(
        followedBy question: String,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [PostgresResult] {
        session.beginUse()
        defer { session.endUse() }
        let observation = session.observe("COMMIT")
        var results: [PostgresResult] = []
        do throws(PostgresError) {
            let script = "COMMIT; \(question)"
            try await prepareToSend(sql: script, limit)
            try await session.sendScript(script, limit)
            try await session.receive(script, limit) { results.append($0) }
        } catch {
            // Once the commit is answered, only the question has failed.
            if results.isEmpty {
                var failure = error
                failure.sql = "COMMIT"
                observation?.fail(failure)
                throw failure
            }
        }
        observation?.complete(results[0])
        return results
    }

    /// Checks that a statement of the body has not ended the transaction unnoticed.
    private func checkTransaction(sql: String) throws(PostgresError) {
        guard !session.isLost, !isInTransaction else { return }
        throw PostgresError(.transactionControl, "the transaction had ended before its body returned", sql: sql)
    }

    private func runSavepoint<Result: ~Copyable>(
        _ outer: UInt64,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let name = session.state.transactions.nextSavepoint()
        do throws(PostgresError) {
            try await runScript("SAVEPOINT \(name)", limit(nil))
        } catch {
            throw error.forCaller
        }
        session.state.transactions.depth += 1
        do {
            let result = try await body(self)
            try await release(name)
            session.state.transactions.depth -= 1
            return result
        } catch {
            await undo("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)", by: outer)
            throw error
        }
    }

    /// Releases the savepoint of a body that has returned.
    ///
    /// - Throws: `CancellationError`, or `PostgresError`.
    private func release(_ savepoint: String) async throws {
        let (sql, limit) = ("RELEASE SAVEPOINT \(savepoint)", limit(nil))
        do throws(PostgresError) {
            try await prepareToSend(sql: sql, limit)
            try checkTransaction(sql: sql)
            if unsafe PQtransactionStatus(session.handle) == PQTRANS_INERROR {
                throw PostgresError(
                    .transactionAborted,
                    "the savepoint was rolled back, because a statement in its body had failed",
                    sql: sql
                )
            }
            try await runScript(sql, limit)
        } catch {
            guard error.sqlState == .invalidSavepoint else { throw error.forCaller }
            throw PostgresError(
                .transactionControl,
                "the body of a withSavepoint has released, or rolled back to, an older savepoint",
                server: error.server,
                sql: sql
            )
        }
    }

    /// Ends a failed body.
    ///
    /// If the statements cannot be sent now, they run before the next statement, or the pool's
    /// reset rolls back. The same applies, without a wait, if the time of the enclosing bodies has
    /// passed or the task is cancelled: then the lease can send no other statement.
    ///
    /// - Parameters:
    ///   - script: The statements that undo the body's changes.
    ///   - outer: The deadline of the enclosing bodies.
    private func undo(_ script: String, by outer: UInt64) async {
        session.state.transactions.depth = max(0, session.state.transactions.depth - 1)
        var script = script
        if case .control = session.state.transactions.obstacle {
            // The savepoints no longer exist. The body may have left a transaction open.
            if session.state.transactions.depth > 0 { return }
            script = "ROLLBACK"
        }
        session.state.transactions.obstacle = .undo(script)
        if session.isLost { return }
        session.beginUse()
        defer { session.endUse() }
        session.endStreams()
        // Recovery with a deadline that has passed would give up a cancel request under way.
        if Task.isCancelled || MonotonicClock.now >= outer { return }
        let deadline = min(outer, MonotonicClock.deadline(after: resetTimeout))
        if await session.recover(by: deadline) { _ = await session.undo(by: deadline) }
    }
}

extension PostgresError {
    /// Returns the error of a `COMMIT`, with its meaning for the transaction.
    fileprivate func asCommitError() -> PostgresError {
        let isUnknown = outcome == .unknown && code != .transactionControl
        guard isUnknown || code == .connectionLost else { return self }
        return PostgresError(
            isUnknown ? .outcomeUnknown : .connectionLost,
            (isUnknown ? "the transaction may have been committed or not: " : "the transaction was rolled back: ")
                + message,
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            isUnreached: !isUnknown && isUnreached,
            outcome: isUnknown ? .unknown : .rolledBack
        )
    }
}

extension PostgresError.SQLState {
    /// The savepoint does not exist.
    fileprivate static let invalidSavepoint: Self = "3B001"
}
