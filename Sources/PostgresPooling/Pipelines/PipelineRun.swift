// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The progress of a pipeline: what has been sent, and what has been answered.
struct PipelineRun {
    /// The first failure.
    struct Failure {
        /// The index of the failed statement.
        let index: Int
        let error: PostgresError
    }

    /// The number of bytes after which libpq's buffer is sent.
    static var chunk: Int { 1 << 16 }

    let steps: [Session.PipelineStep]
    let isInTransaction: Bool
    let syncCount: Int

    /// The number of steps that have been passed to libpq.
    var sent = 0

    /// The number of bytes since libpq's buffer was last sent.
    var unsentBytes = 0

    /// The number of steps that are answered.
    private(set) var answered = 0

    /// The first step of the part that is being answered.
    private var partStart = 0

    /// The failure of that part.
    private var partError: PostgresError?

    private(set) var failure: Failure?

    init(_ steps: [Session.PipelineStep], isInTransaction: Bool) {
        self.steps = steps
        self.isInTransaction = isInTransaction
        syncCount = steps.count { if case .sync = $0 { true } else { false } }
    }

    var isSent: Bool { sent == steps.count }
    var isOver: Bool { answered == steps.count }
    var isAtLastSync: Bool { answered == steps.count - 1 }

    /// The statement whose answer is next; `nil` if the end of a part is next.
    var currentStatement: Session.PipelinedStatement? {
        if case .statement(let statement) = steps[answered] { statement } else { nil }
    }

    /// The text of the statement whose answer is next, or of the last one.
    var currentText: String { isOver ? lastText : currentStatement?.text ?? lastText }

    var lastText: String {
        for case .statement(let statement) in steps.reversed() { return statement.text }
        return ""
    }

    mutating func accept(_ result: PostgresResult) {
        currentStatement?.answer.set(.done(result))
        answered += 1
    }

    mutating func fail(with error: PostgresError) {
        if partError == nil { partError = error }
        if failure == nil { failure = Failure(index: answered, error: error) }
        guard let statement = currentStatement else { return }
        statement.answer.set(.failed(.failed, error))
        answered += 1
    }

    /// Records that the server has skipped a statement.
    mutating func skip() {
        if let statement = currentStatement { statement.answer.set(.failed(.notRun, skipped(statement))) }
        answered += 1
    }

    /// Records the end of a part.
    mutating func endPart() {
        if let partError, !isInTransaction {
            for case .statement(let statement) in steps[partStart..<answered] {
                statement.answer.takeBack(.rolledBack, undone(statement, by: partError))
            }
        }
        answered += 1
        partStart = answered
        partError = nil
    }

    /// Records that no more answers arrive.
    func end(with error: PostgresError) {
        // Of a part without its sync, nothing is committed. What was not sent has not run.
        let lastSync = steps[..<sent].lastIndex { if case .sync = $0 { true } else { false } } ?? -1
        for (index, step) in steps.enumerated().dropFirst(partStart) {
            guard case .statement(let statement) = step else { continue }
            if index >= sent {
                statement.answer.end(.notRun, skipped(statement))
            } else if index > lastSync {
                statement.answer.end(.rolledBack, undone(statement, by: error))
                if !isInTransaction { statement.answer.takeBack(.rolledBack, undone(statement, by: error)) }
            } else {
                statement.answer.end(.unknown, error.forCaller)
                if !isInTransaction { statement.answer.takeBack(.unknown, error.forCaller) }
            }
        }
    }

    private func skipped(_ statement: Session.PipelinedStatement) -> PostgresError {
        let reason = partError.map(cause) ?? ""
        return PostgresError(
            .transactionAborted,
            "the statement has not run because an earlier one of the pipeline failed\(reason)",
            sql: statement.text,
            outcome: .notExecuted
        )
    }

    private func undone(_ statement: Session.PipelinedStatement, by error: PostgresError) -> PostgresError {
        PostgresError(
            .transactionAborted,
            "the statement was undone because another one of the pipeline failed\(cause(error))",
            sql: statement.text,
            outcome: .rolledBack
        )
    }

    /// Names an error without its message, which may quote values.
    private func cause(_ error: PostgresError) -> String {
        " (\(error.sqlState.map { "SQLSTATE \($0)" } ?? error.code.description))"
    }
}
