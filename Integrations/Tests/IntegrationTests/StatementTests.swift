// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import InMemoryLogging
import InMemoryTracing
import Logging
import MetricsTestKit
import PostgresPooling
import Testing
import Tracing

/// Spans, logs and metrics of statements, on the server that `DATABASE_URL` names.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["DATABASE_URL"] != nil, "DATABASE_URL names no server"))
struct StatementTests {
    /// Provides a pool of one connection with observers of its statements, and closes it.
    private func withPool(
        _ name: String,
        observers: [any PoolObserver] = [],
        _ statementObservers: [any StatementObserver],
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        var configuration = PostgresConfiguration(ProcessInfo.processInfo.environment["DATABASE_URL"] ?? "")
        configuration.applicationName = name
        configuration.pool.maximumConnections = 1
        configuration.pool.checkoutTimeout = .seconds(300)
        configuration.pool.connectTimeout = .seconds(120)
        let pool = try PostgresPool(configuration, observers: observers, statementObservers: statementObservers)
        try await body(pool)
        await pool.close()
    }

    private func spans(of pool: String) -> [FinishedInMemorySpan] {
        TracingTests.tracer.finishedSpans.filter {
            $0.kind == .client && $0.attributes.get("db.client.connection.pool.name") == .string(pool)
                && $0.operationName != "db.client.connection.create"
        }
    }

    private func withTracedPool(
        _ name: String,
        _ observer: StatementTracer = .tracing(),
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        _ = TracingTests.tracer
        try await withPool(name, [observer], body)
    }

    @Test("A statement has a span with OpenTelemetry's attributes, a child of its caller's span")
    func span() async throws {
        try await withTracedPool("traced statement") { pool in
            let secret = "secret"
            let caller = try await withSpan("caller") { span in
                _ = try await pool.query("SELECT \(secret)::text FROM generate_series(1, 3)")
                return span.context.inMemorySpanContext?.spanID
            }
            let database = try await pool.query("SELECT current_database()", as: String.self)[0]
            let span = try #require(spans(of: "traced statement").first)
            #expect(caller != nil && span.parentSpanID == caller && span.kind == .client)
            #expect(span.operationName == "SELECT \(database)" && span.errors.isEmpty && span.status == nil)
            func attribute(_ name: String) -> SpanAttribute? { span.attributes.get(name) }
            #expect(attribute("db.system.name") == .string("postgresql"))
            #expect(attribute("db.namespace") == .string(database))
            #expect(attribute("db.operation.name") == .string("SELECT"))
            #expect(attribute("db.query.text") == .string("SELECT $1::text FROM generate_series(1, 3)"))
            #expect(attribute("db.response.returned_rows") == .int64(3))
            #expect(attribute("server.address") != nil && attribute("error.type") == nil)
            #expect(attribute("code.file.path") == .string("IntegrationTests/StatementTests.swift"))
            #expect(span.startInstant.nanosecondsSinceEpoch < span.endInstant.nanosecondsSinceEpoch)
        }
    }

    @Test("The span of a failed statement has the error and its codes")
    func failure() async throws {
        try await withTracedPool("traced failure") { pool in
            await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1 / 0") }
            let span = try #require(spans(of: "traced failure").first)
            #expect(span.attributes.get("error.type") == .string("22012"))
            #expect(span.attributes.get("db.response.status_code") == .string("22012"))
            #expect(span.attributes.get("db.response.returned_rows") == nil)
            #expect(span.status?.code == .error && span.errors.first?.error is PostgresError)
        }
    }

    @Test("The span of a stream is a child of the span in which the iteration has begun")
    func stream() async throws {
        try await withTracedPool("traced stream") { pool in
            let caller = try await withSpan("caller") { span in
                try await pool.withConnection { db in
                    for try await _ in db.stream("SELECT generate_series(1, 3)") {
                        await withSpan("row") { _ in await Task.yield() }
                    }
                }
                return span.context.inMemorySpanContext?.spanID
            }
            let spans = spans(of: "traced stream")
            #expect(spans.count == 1 && caller != nil && spans.first?.parentSpanID == caller)
            #expect(spans.first?.attributes.get("db.response.returned_rows") == .int64(3))
        }
    }

    @Test("The text of statements can be left out of spans, and is bounded")
    func texts() async throws {
        try await withTracedPool("traced without text", .tracing(includesText: false)) { pool in
            try await pool.execute("SELECT 1")
            #expect(spans(of: "traced without text").first?.attributes.get("db.query.text") == nil)
        }
        try await withTracedPool("traced long text") { pool in
            try await pool.execute(
                PostgresQuery(unsafe: "SELECT 1 /* " + String(repeating: "é", count: 10_000) + " */")
            )
            guard case .string(let text) = spans(of: "traced long text").first?.attributes.get("db.query.text") else {
                Issue.record()
                return
            }
            #expect(text.hasPrefix("SELECT 1 /* éé") && text.hasSuffix("é…") && text.utf8.count < 4_200)
        }
    }

    @Test("A slow statement is logged with its call site and its types, and without its values")
    func slowStatement() async throws {
        let handler = InMemoryLogHandler()
        let logger = Logger(label: "slow") { _ in handler }
        var observer = StatementLogger(logger, slowerThan: .zero)
        observer.level = .notice
        observer.maximumTextLength = 12
        try await withPool("slow", [observer, .logging(logger, slowerThan: .seconds(100_000))]) { pool in
            let secret = "secret"
            let line: UInt = #line + 1
            try await pool.execute("SELECT \(secret)::text")
            let entry = try #require(handler.entries.first)
            #expect(handler.entries.count == 1 && entry.level == .notice)
            #expect("\(entry.message)" == "A statement was slow.")
            #expect(entry.metadata["pool"] == "slow" && entry.metadata["statement"] == "SELECT $1::t…")
            #expect(entry.metadata["callSite"] == "IntegrationTests/StatementTests.swift:\(line)")
            #expect(entry.metadata["parameterTypes"] == ["unspecified"] && entry.metadata["rows"] == "1")
            #expect(entry.metadata["duration"] != nil && entry.metadata["error"] == nil)
            #expect(!"\(entry)".contains("secret"))
            await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1 / 0") }
            #expect(handler.entries.last?.metadata["error"] == "22012")
        }
    }

    @Test("A logger above the level of slow statements receives none")
    func logLevel() async throws {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "slow") { _ in handler }
        logger.logLevel = .error
        try await withPool("silent", [.logging(logger, slowerThan: .zero)]) { pool in
            try await pool.execute("SELECT 1")
            #expect(handler.entries.isEmpty)
        }
    }

    @Test("In an interval a bounded number of slow statements is logged, and the others are counted")
    func sampling() async throws {
        let handler = InMemoryLogHandler()
        var observer = StatementLogger(Logger(label: "slow") { _ in handler }, slowerThan: .zero)
        observer.maximumPerInterval = 2
        observer.interval = .seconds(100_000)
        try await withPool("sampled", [observer]) { pool in
            for _ in 0..<5 { try await pool.execute("SELECT 1") }
            #expect(handler.entries.count == 2)
        }
        let counts = InMemoryLogHandler()
        observer = StatementLogger(Logger(label: "slow") { _ in counts }, slowerThan: .zero)
        observer.maximumPerInterval = 1
        observer.interval = .milliseconds(20)
        try await withPool("counted", [observer]) { pool in
            var executed = 0
            func summaries() -> [Int] { counts.entries.compactMap { $0.metadata["count"].flatMap { Int("\($0)") } } }
            while summaries().isEmpty {
                try await pool.execute("SELECT 1")
                executed += 1
            }
            // The last statement has ended the interval, and is logged itself.
            let logged = counts.entries.count - summaries().count
            #expect(logged + summaries().reduce(0, +) == executed)
        }
    }

    @Test("The durations of statements are measured by operation and error")
    func durations() async throws {
        let metrics = TestMetrics()
        try await withPool("measured", [.metrics(factory: metrics)]) { pool in
            let database = try await pool.query("SELECT current_database()", as: String.self)[0]
            try await pool.execute("SELECT 1")
            await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1 / 0") }
            let common = [
                ("db.system.name", "postgresql"), ("db.operation.name", "SELECT"), ("db.namespace", database),
            ]
            let label = "db.client.operation.duration"
            #expect(try metrics.expectTimer(label, common).values.count == 2)
            #expect(try metrics.expectTimer(label, common + [("error.type", "22012")]).values.count == 1)
        }
        let named = TestMetrics()
        try await withPool("measured", [.metrics(factory: named, namesUnits: true)]) { pool in
            try await pool.execute("SELECT 1")
            #expect(named.timers.allSatisfy { $0.dimensions.contains { $0 == ("unit", "s") } } && !named.timers.isEmpty)
        }
    }

    @Test("Repeated transactions are counted by the pool's metrics, and logged")
    func retries() async throws {
        let metrics = TestMetrics()
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "retries") { _ in handler }
        logger.logLevel = .debug
        let observers: [any PoolObserver] = [.metrics(factory: metrics), .logging(logger)]
        try await withPool("retried", observers: observers, []) { pool in
            let retry = PostgresRetry.serializationFailures(attempts: 3, backOff: .zero)
            var count = 0
            try await pool.withTransaction(retry: retry) { db in
                count += 1
                if count < 3 { try await db.execute("DO $$BEGIN RAISE SQLSTATE '40001'; END$$") }
            }
            await #expect(throws: PostgresError.self) {
                try await pool.withTransaction(retry: retry) { db in
                    try await db.execute("DO $$BEGIN RAISE SQLSTATE '40001'; END$$")
                }
            }
            func total(_ name: String) -> Int64 {
                metrics.counterTotal(
                    label: "postgres.transaction.\(name)",
                    dimensions: [("db.client.connection.pool.name", "retried")]
                )
            }
            #expect(total("repetitions") == 4 && total("recoveries") == 1 && total("exhaustions") == 1)
            #expect(handler.entries.count { "\($0.message)" == "A transaction is repeated." } == 4)
        }
    }
}
