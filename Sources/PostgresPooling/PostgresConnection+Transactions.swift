// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// What a transaction sees of others that run at the same time, as in "Transaction Isolation" of PostgreSQL's manual.
public enum PostgresIsolation: String, Sendable, Hashable, CaseIterable {
    /// Each statement sees what was committed before it began.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first began. An update of what another has changed meanwhile fails; the
    /// error is retryable.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after another. One that did not fit in fails; the error is retryable.
    case serializable = "SERIALIZABLE"
}

extension PostgresConnection {
    /// Runs `body` in a transaction, which is committed when it returns and rolled back when it throws.
    ///
    /// Within another transaction it is a savepoint: what fails in `body` is undone, and the outer transaction goes on.
    ///
    /// - Parameters:
    ///   - isolation: What it sees of others; `nil` for the server's default. Not for a savepoint, which cannot have its own.
    ///   - readOnly: Whether it may not write.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. ``PostgresError`` if the transaction could not begin or be committed; with the code
    ///   `transactionAborted` if `body` returned although a statement had failed; `outcomeUnknown` if the connection was lost,
    ///   the time was over or the task was cancelled while it was being committed.
    @discardableResult
    public func withTransaction<Result: ~Copyable>(
        isolation: PostgresIsolation? = nil,
        readOnly: Bool = false,
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        // While an earlier statement has not ended, nobody knows whether a transaction is open.
        try await prepareToSend(sql: "BEGIN", patience(nil))
        if isInTransaction { return try await withSavepoint(body) }
        try await begin(isolation: isolation, readOnly: readOnly)
        do {
            let result = try await body(self)
            try await commit()
            return result
        } catch {
            // Also when the task is cancelled. If it fails the connection is not in order, and is not used again.
            if !link.isLost, unsafe PQtransactionStatus(link.handle) != PQTRANS_IDLE {
                _ = try? await runScript("ROLLBACK", .uncancelled(for: resetTimeout))
            }
            throw error
        }
    }

    func begin(isolation: PostgresIsolation?, readOnly: Bool) async throws(PostgresError) {
        var statement = "BEGIN"
        if let isolation { statement += " ISOLATION LEVEL \(isolation.rawValue)" }
        if readOnly { statement += " READ ONLY" }
        try await runScript(statement, patience(nil))
    }

    func commit() async throws(PostgresError) {
        if Task.isCancelled {
            throw PostgresError(.cancelled, "the task was cancelled before the commit", sql: "COMMIT")
        }
        let tag: String
        do throws(PostgresError) {
            tag = try await runScript("COMMIT", patience(nil)).commandTag
        } catch {
            // Without a word of the server's nobody knows how far it has come.
            guard error.server == nil || error.connectionIsGone else { throw error }
            throw PostgresError(
                .outcomeUnknown,
                "the transaction may have been committed or not: \(error.message)",
                server: error.server,
                sql: "COMMIT",
                connectionIsGone: error.connectionIsGone
            )
        }
        if tag == "ROLLBACK" {
            throw PostgresError(
                .transactionAborted,
                "the transaction was rolled back, because a statement in it had failed",
                sql: "COMMIT"
            )
        }
    }

    private func withSavepoint<Result: ~Copyable>(
        _ body: (borrowing PostgresConnection) async throws -> sending Result
    ) async throws -> sending Result {
        // One name is enough: the server takes the latest of a name.
        try await runScript("SAVEPOINT lockpool", patience(nil))
        let result: Result
        do {
            result = try await body(self)
        } catch {
            _ = try? await runScript(
                "ROLLBACK TO SAVEPOINT lockpool; RELEASE SAVEPOINT lockpool",
                .uncancelled(for: resetTimeout)
            )
            throw error
        }
        try await runScript("RELEASE SAVEPOINT lockpool", patience(nil))
        return result
    }
}
