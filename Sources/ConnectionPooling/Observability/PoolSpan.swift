// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if DistributedTracingSupport
    internal import Tracing

    /// A span of what a pool does, for the tracer that the program has installed.
    @usableFromInline
    package struct PoolSpan: Sendable {
        private let span: any Span

        /// A caller waits for a connection. A child of the caller's span.
        @usableFromInline
        static func wait(in pool: String) -> PoolSpan {
            PoolSpan(startSpan("db.client.connection.wait", ofKind: .internal), in: pool)
        }

        /// A connection is made. It belongs to no caller, and so has no parent.
        static func connect(in pool: String) -> PoolSpan {
            PoolSpan(startSpan("db.client.connection.create", context: .topLevel, ofKind: .client), in: pool)
        }

        private init(_ span: any Span, in pool: String) {
            self.span = span
            span.attributes["db.client.connection.pool.name"] = pool
        }

        /// Runs `body` as a part of the span, so that spans that it starts are children.
        func scope<Value: ~Copyable & Sendable>(_ body: () async throws -> Value) async throws -> Value {
            try await ServiceContext.withValue(span.context) { Handoff(try await body()) }.take()
        }

        /// It has succeeded.
        @usableFromInline
        func end() { span.end() }

        /// It has failed.
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
    /// Nothing, which costs nothing: without the trait `DistributedTracingSupport` there are no spans.
    @frozen
    @usableFromInline
    package struct PoolSpan: Sendable {
        @inlinable
        init() {}

        // Who calls it does not even look up the name.
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
