// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if DistributedTracingSupport
    internal import LockPool
    internal import Tracing

    /// Records a span for each statement by swift-distributed-tracing, with the attributes of
    /// OpenTelemetry's semantic conventions for database client spans. Requires the trait
    /// `DistributedTracingSupport`.
    ///
    /// ```swift
    /// let pool = try PostgresPool(url, statementObservers: [.tracing()])
    /// ```
    ///
    /// The span is a child of the span in which the task has called the pool. Its name is the
    /// operation and the database, such as `SELECT shop`. It is recorded when the statement has
    /// ended, by the tracer that the program has installed.
    public struct StatementTracer: StatementObserver {
        private let includesText: Bool

        /// The largest length of a text in a span, in bytes.
        private static var longestText: Int { 4_096 }

        /// Creates an observer that records spans.
        ///
        /// - Parameter includesText: Whether a span has the text of the statement, as
        ///   `db.query.text`. Interpolated values are parameters and not part of it.
        public init(includesText: Bool = true) { self.includesText = includesText }

        /// Records a span.
        public func observe(_ event: StatementEvent) {
            let end = DefaultTracerClock.now
            let duration = event.duration.wholeNanoseconds
            let start = DefaultTracerClock.Timestamp(
                nanosecondsSinceEpoch: end.nanosecondsSinceEpoch.elapsed(since: duration)
            )
            let span = startSpan(
                event.spanName,
                at: start,
                context: event.context.caller ?? .topLevel,
                ofKind: .client
            )
            if span.isRecording {
                span.updateAttributes { describe(event, in: &$0) }
                if case .failed(let failure) = event.outcome {
                    span.recordError(failure.error)
                    span.setStatus(SpanStatus(code: .error))
                }
            }
            span.end(at: end)
        }

        private func describe(_ event: StatementEvent, in attributes: inout SpanAttributes) {
            let connection = event.connection
            attributes["db.system.name"] = connection.system
            attributes["db.client.connection.pool.name"] = connection.pool
            if let database = connection.database { attributes["db.namespace"] = database }
            if let host = connection.host { attributes["server.address"] = host }
            if let port = connection.port { attributes["server.port"] = port }
            if let operation = event.operation { attributes["db.operation.name"] = operation }
            if includesText { attributes["db.query.text"] = event.text(upTo: Self.longestText) }
            if event.pipelineLength > 1 { attributes["db.operation.batch.size"] = event.pipelineLength }
            if event.returnsRows, let count = event.rowCount { attributes["db.response.returned_rows"] = count }
            if let site = event.site, let file = site.fileName {
                attributes["code.file.path"] = file
                attributes["code.line.number"] = Int(clamping: site.line)
            }
            guard case .failed(let failure) = event.outcome else { return }
            attributes["error.type"] = failure.code
            if let code = failure.databaseCode { attributes["db.response.status_code"] = code }
        }
    }

    extension StatementEvent {
        /// The operation and its target, or what is known of them.
        fileprivate var spanName: String {
            let target = connection.database ?? connection.host
            let parts = [operation, target].compactMap { $0 }
            return parts.isEmpty ? connection.system : parts.joined(separator: " ")
        }
    }

    extension StatementObserver where Self == StatementTracer {
        /// Returns an observer that records spans; see ``StatementTracer``.
        ///
        /// - Parameter includesText: Whether a span has the text of the statement.
        public static func tracing(includesText: Bool = true) -> StatementTracer {
            StatementTracer(includesText: includesText)
        }
    }

    extension StatementEvent {
        /// The context of the task that runs a statement, at its beginning.
        struct Context: Sendable {
            private(set) var caller = ServiceContext.current

            /// Returns this context, or the other one if this one has no caller.
            func completed(by other: Context?) -> Context {
                var context = self
                if caller == nil { context.caller = other?.caller }
                return context
            }
        }
    }
#else
    extension StatementEvent {
        /// Nothing: without the trait `DistributedTracingSupport` there are no spans.
        struct Context: Sendable {
            func completed(by other: Context?) -> Context { self }
        }
    }
#endif
