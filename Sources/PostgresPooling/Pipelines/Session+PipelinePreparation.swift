// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

// Prepares the statements of a pipeline: within the pipeline, no answer can decide how the next
// statement is sent.

extension Session {
    /// A statement of a pipeline, as it is passed to libpq.
    final class PipelinedStatement {
        let query: PostgresQuery
        let text: String
        /// The prepared statement; `nil` to send the text.
        var prepared: StatementCache.Prepared?
        let answer: PipelineAnswer
        /// The index among the steps of the caller.
        let index: Int

        init(
            _ query: PostgresQuery,
            _ text: String,
            _ prepared: StatementCache.Prepared?,
            _ answer: PipelineAnswer,
            index: Int
        ) {
            self.query = query
            self.text = text
            self.prepared = prepared
            self.answer = answer
            self.index = index
        }
    }

    /// A step of a pipeline.
    enum PipelineStep {
        case statement(PipelinedStatement)
        /// A statement that begins the transaction of a part, and its text without the values of
        /// settings.
        case begin(String, shown: String)
        case commit
        case sync(endsPart: Bool)
    }

    /// Prepares all statements. Takes a round trip for each statement that the session does not
    /// know yet, and none for one that it has prepared.
    ///
    /// - Parameter attempts: What is known of each statement.
    /// - Throws: ``PostgresError`` if a statement cannot be sent. None is sent then.
    func preparedSteps(
        _ steps: [PostgresPipeline.Step],
        _ attempts: inout [Attempt],
        _ limit: WaitLimit
    ) async throws(PostgresError) -> [PipelineStep] {
        let preparations = state.statements.preparations
        var prepared: [PipelineStep] = []
        prepared.reserveCapacity(steps.count + 1)
        for (index, step) in steps.enumerated() {
            switch step {
            case .sync: prepared.append(.sync(endsPart: true))
            case .statement(let query, let answer):
                do throws(PostgresError) {
                    let (query, text, known) = try await prepare(query, &attempts[index], limit)
                    prepared.append(.statement(PipelinedStatement(query, text, known, answer, index: index)))
                } catch {
                    answer.set(.failed(.failed, error.withoutEffect()))
                    throw error.withoutEffect()
                }
            }
        }
        if case .statement = prepared.last { prepared.append(.sync(endsPart: true)) }
        if state.statements.preparations != preparations {
            // A new one may have evicted an earlier one.
            for case .statement(let statement) in prepared {
                guard let name = statement.prepared?.name, !state.statements.isPrepared(name: name) else { continue }
                statement.prepared = nil
            }
        }
        return prepared
    }

    /// Prepares a statement.
    ///
    /// - Returns: The statement with the parameters as they are sent, its text, and the prepared
    ///   statement if there is one.
    private func prepare(
        _ query: PostgresQuery,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> (PostgresQuery, String, StatementCache.Prepared?) {
        let query = query.hasNamedTypes ? try await resolve(query, limit) : query
        let (text, prepared, types) = try await route(query, &attempt, limit)
        let converted = types.map { query.converted(to: $0, text: text) } ?? query
        // Fails here if a value cannot be sent, and not after others are.
        unsafe try converted.withArguments(sql: text) { _, _, _, _, _ in }
        if converted.isLarge(text) {
            throw PostgresError(
                .unsupported,
                "a statement of a megabyte or more cannot be part of a pipeline",
                sql: text,
                outcome: .notExecuted
            )
        }
        return (converted, text, prepared)
    }

    /// Decides how to send a statement.
    ///
    /// - Returns: The text, the prepared statement if there is one, and the types of the
    ///   parameters; `nil` for the types of the values.
    private func route(
        _ query: PostgresQuery,
        _ attempt: inout Attempt,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> (String, StatementCache.Prepared?, [UInt32]?) {
        let key = StatementCache.Key(query)
        while true {
            try requireUTF8(sql: query.text)
            if query.preparation != .never, let prepared = state.statements.prepared(key) {
                if prepared.isCritical { try requirePipelining(prepared.text) }
                return (prepared.text, prepared, prepared.types)
            }
            let text = query.text
            try query.validate(text)
            try requirePipelining(text)
            try requireSessionForListening(text)
            if !attempt.isZoneChecked, state.statements.mayConvertZone(key, text: text) {
                try await check(query, text, &attempt, limit)
                continue
            }
            let mayChangeSession = state.recordText(text)
            if attempt.isResolved, query.preparation != .always { return (text, nil, attempt.types) }
            let status = unsafe PQtransactionStatus(handle)
            let plan = state.statements.plan(
                key,
                text: text,
                isNamed: !mayChangeSession && !attempt.isUnnamed && query.preparation != .never
                    && (status == PQTRANS_IDLE || !state.hasOwnStatements),
                mayEvict: status == PQTRANS_IDLE,
                mustCheck: !attempt.isResolved,
                isFirstNamed: query.preparation == .always
            )
            switch plan {
            case .check: try await check(query, text, &attempt, limit)
            case .prepare(let preparation): try await prepare(query, preparation, limit)
            case .execute(let prepared): return (text, prepared, prepared.types)
            case .send(let types): return (text, nil, attempt.isResolved ? attempt.types : types)
            }
        }
    }

    /// Throws if a statement would end the transaction of its part, or cannot be in a pipeline.
    private func requirePipelining(_ text: String) throws(PostgresError) {
        if TransactionScanner.isCopy(text) {
            throw PostgresError(
                .unsupported,
                "COPY cannot be part of a pipeline; use copy or copyBytes of a connection",
                sql: text,
                outcome: .notExecuted
            )
        }
        let isOutside = unsafe PQtransactionStatus(handle) == PQTRANS_IDLE
        guard
            TransactionScanner.controlsTransaction(text)
                || isOutside && TransactionScanner.commitsAlone(text)
        else { return }
        throw PostgresError(
            .transactionControl,
            "a statement of a pipeline must not begin or end a transaction, nor be able to commit by itself",
            sql: text,
            outcome: .notExecuted
        )
    }
}
