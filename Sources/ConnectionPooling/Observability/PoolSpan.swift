// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if DistributedTracingSupport
    internal import Tracing

    /// A span of a pool's operation, for the tracer that the program has installed.
    @usableFromInline
    package struct PoolSpan: Sendable {
        private let span: any Span

        /// Starts a span for a caller's wait, as a child of the caller's span.
        @usableFromInline
        static func wait(in pool: String) -> PoolSpan {
            PoolSpan(startSpan("db.client.connection.wait", ofKind: .internal), in: pool)
        }

        /// Starts a span for a connection attempt. It belongs to no caller and thus has no
        /// parent.
        static func connect(in pool: String) -> PoolSpan {
            PoolSpan(startSpan("db.client.connection.create", context: .topLevel, ofKind: .client), in: pool)
        }

        private init(_ span: any Span, in pool: String) {
            self.span = span
            span.attributes["db.client.connection.pool.name"] = pool
        }

        /// Runs `body` within the span, so that spans that `body` starts are its children.
        func scope<Value: ~Copyable & Sendable>(_ body: () async throws -> Value) async throws -> Value {
            try await ServiceContext.withValue(span.context) { Handoff(try await body()) }.take()
        }

        /// Ends the span of a successful operation.
        @usableFromInline
        func end() { span.end() }

        /// Ends the span of a failed operation.
        @usableFromInline
        func end(_ error: any Error) {
            if span.isRecording {
                span.attributes["error.type"] = (error as? PoolError)?.code.description ?? "\(type(of: error))"
                span.recordError(error)
                span.setStatus(SpanStatus(code: .error))
            }
            span.end()
        }
    }
#else
    /// An empty type without cost: without the trait `DistributedTracingSupport` there are no
    /// spans.
    @frozen
    @usableFromInline
    package struct PoolSpan: Sendable {
        @inlinable
        init() {}

        // An autoclosure, so that the caller does not even read the name.
        @inlinable
        @inline(__always)
        static func wait(in pool: @autoclosure () -> String) -> PoolSpan { PoolSpan() }

        @inline(__always)
        static func connect(in pool: String) -> PoolSpan { PoolSpan() }

        @inline(__always)
        func scope<Value: ~Copyable & Sendable>(_ body: () async throws -> Value) async throws -> Value {
            try await body()
        }

        @inlinable
        @inline(__always)
        func end() {}

        @inlinable
        @inline(__always)
        func end(_ error: any Error) {}
    }
#endif

extension PoolSpan {
    /// Ends the span with an error that is about to be thrown.
    @inlinable
    @inline(__always)
    func ending<Failure: Error>(_ error: Failure) -> Failure {
        end(error)
        return error
    }
}
