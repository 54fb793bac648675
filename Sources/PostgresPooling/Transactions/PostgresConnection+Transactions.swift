// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// The visibility of concurrent transactions, as described in "Transaction Isolation" of
/// PostgreSQL's manual.
public enum PostgresIsolation: String, Sendable, Hashable, CaseIterable {
    /// Each statement sees what was committed before it began.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first one began. An update of a row that
    /// another transaction has changed since then fails with a retryable error.
    case repeatableRead = "REPEATABLE READ"
    /// Transactions behave as if they ran one after another. A transaction that cannot fails with
    /// a retryable error.
    case serializable = "SERIALIZABLE"
}

extension PostgresConnection {
    /// Runs `body` in a transaction, which commits when `body` returns and rolls back when it
    /// throws.
    ///
    /// Within another transaction, `body` runs in a savepoint: a failure undoes its changes, and
    /// the outer transaction can continue.
    ///
    /// The statements of `body` must not begin or end a transaction. Such a statement runs but
    /// fails with the code `transactionControl`, and no other statement is sent before the
    /// outermost body ends. `body` may use savepoints of its own.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default. A savepoint cannot have
    ///     its own.
    ///   - readOnly: Whether the transaction may only read. A savepoint cannot have its own mode.
    ///   - body: A closure that uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. ``PostgresError`` if the transaction could not
    ///   begin or commit, with the code `unsupported` for a savepoint with `isolation` or
    ///   `readOnly`, `transactionAborted` if `body` returned although a statement had failed,
    ///   `transactionControl` if `body` returned although it had ended the transaction itself, and
    ///   `outcomeUnknown` if the connection was lost, the time ran out or the task was cancelled
    ///   after `COMMIT` was sent. With any other code nothing is committed.
    @discardableResult
    public func withTransaction<Result: ~Copyable>(
        isolation: PostgresIsolation? = nil,
        readOnly: Bool = false,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        // Until an earlier statement has ended, it is unknown whether a transaction is open.
        try await prepareToSend(sql: "BEGIN", limit(nil))
        if isInTransaction {
            guard isolation == nil, !readOnly else {
                throw PostgresError(
                    .unsupported,
                    "a transaction within another is a savepoint, which cannot have an isolation level or access mode of its own; pass it to the outer transaction",
                    sql: "SAVEPOINT",
                    outcome: .notExecuted
                )
            }
            return try await withSavepoint(body)
        }
        try await begin(isolation: isolation, readOnly: readOnly)
        do {
            let result = try await body(self)
            try await commit()
            return result
        } catch {
            // Even if the task is cancelled.
            await undo("ROLLBACK")
            throw error
        }
    }

    func begin(isolation: PostgresIsolation?, readOnly: Bool) async throws(PostgresError) {
        var statement = "BEGIN"
        if let isolation { statement += " ISOLATION LEVEL \(isolation.rawValue)" }
        if readOnly { statement += " READ ONLY" }
        do throws(PostgresError) {
            try await runScript(statement, limit(nil))
        } catch {
            // The server may still run it. Later statements on this connection must not be part of
            // that transaction.
            if !session.isLost { session.state.transactions.obstacle = .undo("ROLLBACK") }
            throw error.withoutEffect()
        }
        session.state.transactions.depth = 1
    }

    func commit() async throws(PostgresError) {
        if let error = session.controlError(sql: "COMMIT") { throw error }
        let tag: String
        do throws(PostgresError) {
            let limit = limit(nil)
            try await prepareToSend(sql: "COMMIT", limit)
            // If the end of the connection is known before `COMMIT` is sent, nothing is committed.
            session.pollForEnd()
            try checkTransaction(sql: "COMMIT")
            session.state.transactions.depth = 0
            tag = try await runScript("COMMIT", limit).commandTag
        } catch {
            throw error.asCommitError()
        }
        if tag == "ROLLBACK" {
            throw PostgresError(
                .transactionAborted,
                "the transaction was rolled back, because a statement in it had failed",
                sql: "COMMIT"
            )
        }
    }

    /// Checks that a statement of the body has not ended the transaction unnoticed.
    private func checkTransaction(sql: String) throws(PostgresError) {
        guard !session.isLost, !isInTransaction else { return }
        throw PostgresError(.transactionControl, "the transaction had ended before its body returned", sql: sql)
    }

    private func withSavepoint<Result: ~Copyable>(
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let name = session.state.transactions.nextSavepoint()
        try await runScript("SAVEPOINT \(name)", limit(nil))
        session.state.transactions.depth += 1
        do {
            let result = try await body(self)
            try await release(name)
            session.state.transactions.depth -= 1
            return result
        } catch {
            await undo("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
            throw error
        }
    }

    private func release(_ savepoint: String) async throws(PostgresError) {
        let (sql, limit) = ("RELEASE SAVEPOINT \(savepoint)", limit(nil))
        try await prepareToSend(sql: sql, limit)
        try checkTransaction(sql: sql)
        if unsafe PQtransactionStatus(session.handle) == PQTRANS_INERROR {
            throw PostgresError(
                .transactionAborted,
                "the savepoint was rolled back, because a statement in its body had failed",
                sql: sql
            )
        }
        do throws(PostgresError) {
            try await runScript(sql, limit)
        } catch {
            guard error.sqlState == .invalidSavepoint else { throw error }
            throw PostgresError(
                .transactionControl,
                "the body of a withTransaction has released, or rolled back to, an older savepoint",
                server: error.server,
                sql: sql
            )
        }
    }

    /// Ends a failed body.
    ///
    /// If the statements cannot be sent now, they run before the next statement.
    ///
    /// - Parameter script: The statements that undo the body's changes.
    private func undo(_ script: String) async {
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
        let deadline = MonotonicClock.deadline(after: resetTimeout)
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

extension SQLState {
    /// The savepoint does not exist.
    fileprivate static let invalidSavepoint: SQLState = "3B001"
}
