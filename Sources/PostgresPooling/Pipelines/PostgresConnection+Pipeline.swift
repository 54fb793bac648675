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
    /// - Parameters:
    ///   - timeout: The time limit for all statements together; by default the configuration's
    ///     `statementTimeout`.
    ///   - throwsFailures: Whether to throw the first failure of a statement. If not, each failure
    ///     is found in the results alone.
    ///   - body: A closure that adds the statements. It does not suspend, and nothing is sent
    ///     before it returns.
    /// - Returns: The result of `body`, usually the future results of the statements, which have
    ///   arrived.
    /// - Throws: The error of `body`, and then nothing is sent. ``PostgresError``: the first
    ///   failure of a statement; of a statement that cannot be sent, and then none is; or the
    ///   reason why the answers have not arrived. `CancellationError` if the task was cancelled
    ///   before that.
    @discardableResult
    public func withPipeline<Result>(
        timeout: Duration? = nil,
        throwsFailures: Bool = true,
        _ body: (inout PostgresPipeline) throws -> sending Result
    ) async throws -> sending Result {
        var pipeline = PostgresPipeline()
        let result = try body(&pipeline)
        let steps = pipeline.steps
        do {
            let failure = try await run(steps, limit(timeout))
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
    func run(_ steps: [PostgresPipeline.Step], _ limit: WaitLimit) async throws -> PostgresError? {
        guard case .statement(let first, _) = steps.first else { return nil }
        session.beginUse()
        defer { session.endUse() }
        let observations = session.observe(steps)
        do throws(PostgresError) {
            try await prepareToSend(sql: first.text, limit)
            let failure = try await session.runPipeline(steps, limit)
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
