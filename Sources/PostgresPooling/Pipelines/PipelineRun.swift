// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The progress of a pipeline: what has been sent, and what has been answered.
struct PipelineRun {
    /// The first failure.
    struct Failure {
        /// The index of the failed statement among the caller's steps; `nil` if the beginning or
        /// the end of a transaction has failed.
        let index: Int?
        let error: PostgresError
    }

    /// The number of bytes after which libpq's buffer is sent.
    static var chunk: Int { 1 << 16 }

    let steps: [Session.PipelineStep]
    let isInTransaction: Bool
    /// Whether each part is a transaction with `BEGIN` and `COMMIT`.
    let hasTransactions: Bool
    let syncCount: Int
    let partCount: Int

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
        hasTransactions = steps.contains { if case .commit = $0 { true } else { false } }
        syncCount = steps.count { if case .sync = $0 { true } else { false } }
        partCount = steps.count { if case .sync(endsPart: true) = $0 { true } else { false } }
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

    /// The text of the step whose answer is next, for errors.
    var currentShownText: String {
        switch steps[answered] {
        case .statement(let statement): statement.text
        case .begin(_, let shown): shown
        // A deferred constraint fails at the end of the part.
        case .commit, .sync: "COMMIT"
        }
    }

    /// Whether a part that has ended may be committed. The pipeline must not be sent again then.
    var mayHaveCommitted: Bool { partStart > 0 && !isInTransaction }

    /// Whether a statement of the part that is being answered has failed.
    var hasPartFailed: Bool { partError != nil }

    var lastText: String {
        for case .statement(let statement) in steps.reversed() { return statement.text }
        return ""
    }

    /// Records that a statement, of the caller or of the library, has succeeded.
    mutating func accept(_ result: PostgresResult) {
        currentStatement?.answer.set(.done(result))
        answered += 1
    }

    /// Records that the server has answered `COMMIT`.
    mutating func acceptCommit() {
        answered += 1
        // What follows cannot take the statements back.
        if partError == nil { partStart = answered }
    }

    mutating func fail(with error: PostgresError) {
        if partError == nil { partError = error }
        if failure == nil { failure = Failure(index: currentStatement?.index, error: error) }
        // The end of a part follows its error.
        if case .sync = steps[answered] { return }
        currentStatement?.answer.set(.failed(.failed, error))
        answered += 1
    }

    /// Records that the server has skipped a statement.
    mutating func skip() {
        if let statement = currentStatement { statement.answer.set(.failed(.notRun, skipped(statement))) }
        answered += 1
    }

    /// Records a sync, which may be the end of a part.
    mutating func acceptSync() {
        if case .sync(endsPart: true) = steps[answered] { return endPart() }
        answered += 1
    }

    private mutating func endPart() {
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
        // Of a part whose end was not sent, nothing is committed. What was not sent has not run.
        let lastEnd = steps[..<sent].lastIndex(where: isEnd) ?? -1
        for (index, step) in steps.enumerated().dropFirst(partStart) {
            guard case .statement(let statement) = step else { continue }
            if index >= sent {
                statement.answer.end(.notRun, skipped(statement))
            } else if index > lastEnd {
                statement.answer.end(.rolledBack, undone(statement, by: error))
                if !isInTransaction { statement.answer.takeBack(.rolledBack, undone(statement, by: error)) }
            } else {
                statement.answer.end(.unknown, error.forCaller)
                if !isInTransaction { statement.answer.takeBack(.unknown, error.forCaller) }
            }
        }
    }

    /// Returns whether a step commits a part.
    private func isEnd(_ step: Session.PipelineStep) -> Bool {
        switch step {
        case .commit: true
        case .sync(endsPart: true): !hasTransactions
        default: false
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
