// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Pipelines whose parts are transactions with `BEGIN` and `COMMIT`.

extension TransactionStart {
    /// Creates the beginning of each transaction of a pipeline; `nil` if the server begins them by
    /// itself, with its defaults.
    ///
    /// - Throws: As the other initializer; `PostgresError` with the code `unsupported` for
    ///   `search_path`.
    init?(
        ofPipeline isolation: PostgresConnection.IsolationLevel?,
        readOnly: Bool,
        settings: [String: String]
    ) throws(PostgresError) {
        if isolation == nil, !readOnly, settings.isEmpty { return nil }
        try self.init(isolation: isolation, readOnly: readOnly, settings: settings)
        guard changesNames else { return }
        // Statements are prepared, and their types are looked up, before the transaction begins.
        throw PostgresError(
            .unsupported,
            "search_path cannot be a setting of a pipeline; use withTransaction",
            outcome: .notExecuted
        )
    }

    /// The error of a pipeline that would begin a transaction within another.
    var nested: PostgresError {
        PostgresError(
            .transactionControl,
            "a pipeline with an isolation level, readOnly or settings was sent within a transaction, which has its own",
            sql: shown,
            outcome: .notExecuted
        )
    }

    /// The statements, one by one.
    fileprivate var steps: [Session.PipelineStep] {
        let begin = Session.PipelineStep.begin(begin, shown: shown)
        return settingsCall.map { [begin, .begin($0, shown: shown)] } ?? [begin]
    }
}

extension [Session.PipelineStep] {
    /// Returns the steps with the beginning and the end of a transaction around each part.
    ///
    /// A sync precedes each `COMMIT`. After a failure the server skips everything up to a sync, so
    /// it runs the `COMMIT` in any case, which then rolls back. The client waits for neither.
    func inTransactions(_ start: TransactionStart) -> [Session.PipelineStep] {
        var steps: [Session.PipelineStep] = []
        steps.reserveCapacity(count + 8)
        var isBegun = false
        for step in self {
            if case .sync = step {
                steps += [.sync(endsPart: false), .commit, step]
                isBegun = false
                continue
            }
            if !isBegun { steps += start.steps }
            isBegun = true
            steps.append(step)
        }
        return steps
    }
}
