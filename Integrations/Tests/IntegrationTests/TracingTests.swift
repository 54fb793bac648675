// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import InMemoryTracing
import SQLitePooling
import Testing
import Tracing

/// The pools connect outside of a caller's task, so they find only the tracer of the process,
/// which all tests share. Each test gives its pool a unique name.
@Suite struct TracingTests {
    static let tracer = {
        let tracer = InMemoryTracer()
        InstrumentationSystem.bootstrap(tracer)
        return tracer
    }()

    private let tracer = Self.tracer

    private func spans(_ operation: String, of pool: String) -> [FinishedInMemorySpan] {
        tracer.finishedSpans.filter {
            $0.operationName == operation
                && $0.attributes.get("db.client.connection.pool.name") == .string(pool)
        }
    }

    @Test("A checkout that waits has a span, a child of its caller's; a checkout of an idle connection has none")
    func waits() async throws {
        let tested = try TestedPool("waits")
        let caller = try await withSpan("caller") { span in
            try await tested.pool.withConnection { _ in }
            try await tested.pool.withConnection { _ in }
            return span.context.inMemorySpanContext?.spanID
        }
        let waits = spans("db.client.connection.wait", of: "waits")
        #expect(waits.count == 1 && waits.first?.kind == .internal && waits.first?.errors.isEmpty == true)
        #expect(caller != nil && waits.first?.parentSpanID == caller)
    }

    @Test("A connect has a span without a parent, which contains the factory's spans")
    func connects() async throws {
        let tested = try TestedPool("connects")
        try await withSpan("caller") { _ in try await tested.pool.withConnection { _ in } }
        let connects = spans("db.client.connection.create", of: "connects")
        #expect(connects.count == 1 && connects.first?.kind == .client)
        let connect = try #require(connects.first)
        #expect(connect.parentSpanID == nil && connect.errors.isEmpty)
        let handshakes = tracer.finishedSpans.filter {
            $0.traceID == connect.traceID && $0.operationName == "handshake"
        }
        #expect(handshakes.count == 1 && handshakes.first?.parentSpanID == connect.spanID)
    }

    @Test("A failed connect and a failed checkout record their errors in their spans")
    func failures() async throws {
        let tested = try TestedPool("failures", failures: 1) {
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
        }
        await #expect(throws: PoolError.self) { try await tested.pool.withConnection { _ in } }
        await until { !spans("db.client.connection.create", of: "failures").isEmpty }
        let connect = try #require(spans("db.client.connection.create", of: "failures").first)
        #expect(connect.errors.first?.error is StubFactory.Refused)
        #expect(connect.attributes.get("error.type") == .string("Refused"))
        let wait = try #require(spans("db.client.connection.wait", of: "failures").first)
        #expect((wait.errors.first?.error as? PoolError)?.code == .connectFailed)
        #expect(wait.attributes.get("error.type") == .string("connectFailed"))
    }

    @Test("A SQLite statement that waits has a span, a child of its caller's")
    func sqlite() async throws {
        var configuration = SQLiteConfiguration()
        configuration.pool.name = "traced"
        let pool = try SQLitePool(configuration)
        let caller = try await withSpan("caller") { span in
            try await pool.execute("CREATE TABLE book (title TEXT)")
            return span.context.inMemorySpanContext?.spanID
        }
        await pool.close()
        let waits = spans("db.client.connection.wait", of: "traced writer")
        #expect(waits.count == 1 && caller != nil && waits.first?.parentSpanID == caller)
        await #expect(throws: (any Error).self) { try await pool.execute("CREATE TABLE author (name TEXT)") }
        let refused = try #require(spans("db.client.connection.wait", of: "traced writer").last)
        #expect(refused.attributes.get("error.type") == .string("closed"))
    }
}
