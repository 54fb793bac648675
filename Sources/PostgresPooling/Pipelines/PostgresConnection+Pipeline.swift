// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConnection {
    /// Sends several statements in one round trip.
    ///
    /// Suspends until the server has answered all of them. A statement that the connection has not
    /// prepared takes a round trip more. Outside a transaction, the statements are committed
    /// together; see ``PostgresPipeline``.
    ///
    /// With an isolation level, `readOnly` or settings, `BEGIN` and `COMMIT` are part of the same
    /// round trip.
    ///
    /// - Parameters:
    ///   - isolation: The isolation level of the transaction; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - settings: The settings of the transaction by name, without `search_path`. They end with
    ///     it.
    ///   - timeout: The time limit for all statements together; by default the configuration's
    ///     `statementTimeout`.
    ///   - throwsFailures: Whether to throw the first failure of a statement. If not, each failure
    ///     is found in the results alone.
    ///   - body: A closure that adds the statements. It does not suspend, and nothing is sent
    ///     before it returns.
    /// - Returns: The result of `body`, usually the future results of the statements, which have
    ///   arrived.
    /// - Throws: The error of `body`, and then nothing is sent. ``PostgresError``: the first
    ///   failure of a statement, or of `COMMIT`; of a statement or a setting that cannot be sent,
    ///   and then none is; with the code `transactionControl` for an isolation level, `readOnly`
    ///   or settings within a transaction; or the reason why the answers have not arrived.
    ///   `CancellationError` if the task was cancelled before that.
    @discardableResult
    public func withPipeline<Result>(
        isolation: IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:],
        timeout: Duration? = nil,
        throwsFailures: Bool = true,
        _ body: (inout PostgresPipeline) throws -> sending Result
    ) async throws -> sending Result {
        let start = try TransactionStart(ofPipeline: isolation, readOnly: readOnly, settings: settings)
        var pipeline = PostgresPipeline()
        let result = try body(&pipeline)
        let steps = pipeline.steps
        do {
            let failure = try await run(steps, start, limit(timeout))
            if let failure, throwsFailures { throw failure }
        } catch {
            steps.end(with: error)
            throw error
        }
        return result
    }

    /// Sends the statements of a pipeline.
    ///
    /// - Returns: The first failure of a statement.
    /// - Throws: `CancellationError`, or `PostgresError`.
    func run(
        _ steps: [PostgresPipeline.Step],
        _ start: TransactionStart?,
        _ limit: WaitLimit
    ) async throws -> PostgresError? {
        guard case .statement(let first, _) = steps.first else { return nil }
        session.beginUse()
        defer { session.endUse() }
        let observations = session.observe(steps)
        do throws(PostgresError) {
            try await prepareToSend(sql: first.text, limit)
            let failure = try await session.runPipeline(steps, start, limit)
            observations?.end(steps)
            return failure
        } catch {
            observations?.end(steps, with: error)
            throw error.forCaller
        }
    }
}

extension [PostgresPipeline.Step] {
    /// Ends the statements that were not sent.
    func end(with error: any Error) {
        for case .statement(_, let answer) in self { answer.end(.notRun, error) }
    }
}
