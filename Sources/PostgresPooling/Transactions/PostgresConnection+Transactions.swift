// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// What a transaction sees of others that run at the same time, as in "Transaction Isolation" of
/// PostgreSQL's manual.
public enum PostgresIsolation: String, Sendable, Hashable, CaseIterable {
    /// Each statement sees what was committed before it began.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first began. An update of a row that
    /// another transaction has changed since then fails; the error is retryable.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after another. One that did not fit in fails; the error is
    /// retryable.
    case serializable = "SERIALIZABLE"
}

extension PostgresConnection {
    /// Runs `body` in a transaction, which is committed when it returns and rolled back when it
    /// throws.
    ///
    /// Within another transaction it is a savepoint: what fails in `body` is undone, and the outer
    /// transaction goes on.
    ///
    /// A statement of `body` must not begin or end a transaction: it runs, fails with the code
    /// `transactionControl`, and no other statement is sent before the outermost body ends.
    /// Savepoints of the body's own are allowed.
    ///
    /// - Parameters:
    ///   - isolation: What it sees of others; `nil` for the server's default. A savepoint cannot
    ///     have its own.
    ///   - readOnly: Whether it may not write. A savepoint cannot have its own.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. ``PostgresError`` if the transaction could not
    ///   begin or be committed, with the code `unsupported` for a savepoint with `isolation` or
    ///   `readOnly`, `transactionAborted` if `body` returned although a statement had failed,
    ///   `transactionControl` if it returned although it had ended the transaction itself, and
    ///   `outcomeUnknown` if the connection was lost, the time was over or the task was cancelled
    ///   after `COMMIT` was sent. With any other code nothing is committed.
    @discardableResult
    public func withTransaction<Result: ~Copyable>(
        isolation: PostgresIsolation? = nil,
        readOnly: Bool = false,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        // While an earlier statement has not ended, it is unknown whether a transaction is open.
        try await prepareToSend(sql: "BEGIN", patience(nil))
        if isInTransaction {
            guard isolation == nil, !readOnly else {
                throw PostgresError(
                    .unsupported,
                    "a transaction within another is a savepoint, which cannot have an isolation or access mode of its own; give it to the outer one",
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
            // Also when the task is cancelled.
            await undo("ROLLBACK")
            throw error
        }
    }

    func begin(isolation: PostgresIsolation?, readOnly: Bool) async throws(PostgresError) {
        var statement = "BEGIN"
        if let isolation { statement += " ISOLATION LEVEL \(isolation.rawValue)" }
        if readOnly { statement += " READ ONLY" }
        do throws(PostgresError) {
            try await runScript(statement, patience(nil))
        } catch {
            // The server may still run it. What follows on this connection must not be in that
            // transaction.
            if !link.isLost { link.session.transactions.obstacle = .undo("ROLLBACK") }
            throw error.withoutEffect()
        }
        link.session.transactions.depth = 1
    }

    func commit() async throws(PostgresError) {
        if let error = link.controlError(sql: "COMMIT") { throw error }
        let tag: String
        do throws(PostgresError) {
            let patience = patience(nil)
            try await prepareToSend(sql: "COMMIT", patience)
            // With the connection's end known before `COMMIT` is sent, it is certain that nothing
            // is committed.
            link.lookForEnd()
            try checkTransaction(sql: "COMMIT")
            link.session.transactions.depth = 0
            tag = try await runScript("COMMIT", patience).commandTag
        } catch {
            throw error.ofCommit()
        }
        if tag == "ROLLBACK" {
            throw PostgresError(
                .transactionAborted,
                "the transaction was rolled back, because a statement in it had failed",
                sql: "COMMIT"
            )
        }
    }

    /// Makes sure that the transaction has not ended unnoticed.
    private func checkTransaction(sql: String) throws(PostgresError) {
        guard !link.isLost, !isInTransaction else { return }
        throw PostgresError(.transactionControl, "the transaction had ended before its body returned", sql: sql)
    }

    private func withSavepoint<Result: ~Copyable>(
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        let name = link.session.transactions.nextSavepoint()
        try await runScript("SAVEPOINT \(name)", patience(nil))
        link.session.transactions.depth += 1
        do {
            let result = try await body(self)
            try await release(name)
            link.session.transactions.depth -= 1
            return result
        } catch {
            await undo("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
            throw error
        }
    }

    private func release(_ savepoint: String) async throws(PostgresError) {
        let (sql, patience) = ("RELEASE SAVEPOINT \(savepoint)", patience(nil))
        try await prepareToSend(sql: sql, patience)
        try checkTransaction(sql: sql)
        if unsafe PQtransactionStatus(link.handle) == PQTRANS_INERROR {
            throw PostgresError(
                .transactionAborted,
                "the savepoint was rolled back, because a statement in its body had failed",
                sql: sql
            )
        }
        do throws(PostgresError) {
            try await runScript(sql, patience)
        } catch {
            guard error.sqlState == .invalidSavepoint else { throw error }
            throw PostgresError(
                .transactionControl,
                "the body of a withTransaction has released, or rolled back to, a savepoint that is older than it",
                server: error.server,
                sql: sql
            )
        }
    }

    /// Ends a body that has failed.
    ///
    /// If the statements do not get through now they run before the next one.
    ///
    /// - Parameter script: The statements that undo what it did.
    private func undo(_ script: String) async {
        link.session.transactions.depth = max(0, link.session.transactions.depth - 1)
        var script = script
        if case .control = link.session.transactions.obstacle {
            // The savepoints are gone. A transaction may be open, which the body has begun.
            if link.session.transactions.depth > 0 { return }
            script = "ROLLBACK"
        }
        link.session.transactions.obstacle = .undo(script)
        if link.isLost { return }
        link.beginUse()
        defer { link.endUse() }
        link.endStreams()
        let deadline = MonotonicClock.deadline(after: resetTimeout)
        if await link.recover(by: deadline) { _ = await link.undo(by: deadline) }
    }
}

extension PostgresError {
    /// The error of a `COMMIT`, with what it means for the transaction.
    fileprivate func ofCommit() -> PostgresError {
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
    /// There is no such savepoint.
    fileprivate static let invalidSavepoint: SQLState = "3B001"
}
