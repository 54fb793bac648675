// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// Scripts of the caller: several statements in one message of the simple protocol.

extension Session {
    /// Runs the statements of a script.
    ///
    /// - Parameter keepsResults: Whether all results are wanted. If not, each is freed when the
    ///   next one has arrived.
    /// - Returns: The result of each statement, or of the last one, in text format.
    /// - Throws: The error of the first statement that fails, with the number of statements before
    ///   it.
    func runScript(
        _ text: String,
        keepsResults: Bool,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [PostgresResult] {
        var results: [PostgresResult] = []
        var completed = 0
        do throws(PostgresError) {
            try requireSessionForListening(text)
            try await sendScript(text, limit)
            try await receive(text, limit) { result in
                completed += 1
                if !keepsResults { results.removeAll(keepingCapacity: true) }
                if !notices.isEmpty { result.notices = notices.take() }
                results.append(result)
            }
        } catch {
            var failure = error
            failure.completedStatements = completed
            throw failure
        }
        return results
    }

    /// Receives the results of a script up to the end of its answer.
    ///
    /// - Parameter accept: A closure that is called with the result of each statement that has
    ///   succeeded.
    func receive(
        _ text: String,
        _ limit: WaitLimit,
        _ accept: (PostgresResult) -> Void
    ) async throws(PostgresError) {
        var (failed, isAnswered): (PostgresResult?, Bool) = (nil, false)
        while let result = try await nextResult(sql: text, limit) {
            isAnswered = true
            if result.isError {
                // After COPY the server sends nothing until the client does.
                if result.isCopy { throw failure(of: result, sql: text)! }
                failed = failed ?? result
            } else if result.status != PGRES_EMPTY_QUERY {
                record(result, sql: text)
                accept(result)
            }
        }
        recordEndOfTransaction()
        if let failed { throw failure(of: failed, sql: text)! }
        if let error = controlError(sql: text) { throw error }
        if !isAnswered { throw lost(sql: text, "The server sent no answer.") }
    }

    /// Refuses `LISTEN` behind a pooler, which would run it in a session that other clients share.
    func requireSessionForListening(_ text: String) throws(PostgresError) {
        guard state.hasOwnSession == false, text.mayContain("listen"), TransactionScanner.listens(text) else { return }
        var error = NotificationListener.unsupported
        error.sql = text
        throw error
    }
}
