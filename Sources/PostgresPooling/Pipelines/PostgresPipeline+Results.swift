// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresPipeline {
    /// What has become of a statement of a pipeline.
    public enum State: Hashable, Sendable {
        /// The pipeline has not been sent yet.
        case pending
        /// The statement has succeeded. In a pipeline outside a transaction it is committed.
        case done
        /// The statement has failed.
        case failed
        /// The statement has no effect: it was undone because a later one of the same part failed,
        /// or because the pipeline ended before the whole part was sent.
        case rolledBack
        /// The statement has not run: an earlier one of the same part failed, or the pipeline
        /// ended before it was sent.
        case notRun
        /// The statement was sent, and its effect is unknown: the connection was lost, the time
        /// limit passed or the task was cancelled before the server answered.
        case unknown
    }
}

extension PostgresPipeline {
    /// The future result of a statement in a ``PostgresPipeline``.
    public struct Result<Value: Sendable>: Sendable {
        private let answer: PipelineAnswer
        private let decode: @Sendable (PostgresResult) throws(PostgresError) -> Value

        init(_ answer: PipelineAnswer, _ decode: @escaping @Sendable (PostgresResult) throws(PostgresError) -> Value) {
            self.answer = answer
            self.decode = decode
        }

        /// What has become of the statement.
        public var state: State {
            switch answer.current {
            case .pending: .pending
            case .done: .done
            case .failed(let state, _): state
            }
        }

        /// Returns the result, and decodes it.
        ///
        /// Traps before `withPipeline` has returned or thrown.
        ///
        /// - Throws: ``PostgresError``: the statement's own; if it has not run or was undone, one
        ///   with the code `transactionAborted` that describes the failure that caused it; or with
        ///   the code `columnCount` or `decoding` if the rows do not have the requested types.
        ///   Otherwise the error that ended the pipeline, such as `CancellationError`.
        /// - Complexity: O(rows), at each call.
        public func get() throws -> Value {
            switch answer.current {
            case .pending: preconditionFailure("The results of a pipeline exist after withPipeline has returned.")
            case .done(let result): return try decode(result)
            case .failed(_, let error): throw error
            }
        }
    }
}
