// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import InMemoryLogging
import Logging
import Testing

@Suite struct LoggingTests {
    private let handler = InMemoryLogHandler()

    private func logger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = level
        return logger
    }

    private func entries(_ level: Logger.Level) -> [String] {
        handler.entries.filter { $0.level == level }.map { "\($0.message)" }
    }

    @Test("The lifecycle of a connection is logged at debug, and each message names the pool")
    func life() async throws {
        let tested = try TestedPool("orders", observers: [.logging(logger(.debug))])
        try await tested.pool.withConnection { _ in }
        tested.pool.evictAll()
        await tested.pool.close()
        #expect(entries(.debug) == ["A connection was made.", "A connection is closed."])
        #expect(handler.entries.count == 2 && handler.entries.allSatisfy { $0.metadata["pool"] == "orders" })
        #expect(handler.entries.first?.metadata["duration"] == "0.25 seconds")
        #expect(handler.entries.last?.metadata["reason"] == "evicted")
    }

    @Test("A failed connection attempt is a warning with its cause, and so is the first refused caller")
    func failures() async throws {
        let tested = try TestedPool("orders", failures: 1, observers: [.logging(logger(.debug))]) {
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
        }
        await #expect(throws: PoolError.self) { try await tested.pool.withConnection { _ in } }
        await until { entries(.warning).count == 2 }
        #expect(Set(entries(.warning)) == ["A connection attempt has failed.", "A caller got no connection."])
        let warning = try #require(handler.entries.first { $0.message == "A connection attempt has failed." })
        #expect(warning.metadata["error"] == "refused" && warning.metadata["failures"] == "1")
        let refusal = try #require(handler.entries.first { $0.metadata["code"] != nil })
        #expect(refusal.metadata["code"] == "connectFailed")
    }

    @Test("The first of many refused callers is a warning, and ten seconds later their number is another")
    func refusals() async throws {
        let tested = try TestedPool("orders", observers: [.logging(logger(.warning))])
        let lease = try await tested.pool.getOrCreate()
        func refuse(_ count: Int) async {
            for _ in 0..<count {
                await #expect(throws: PoolError.self) { try await tested.pool.withConnection(timeout: .zero) { _ in } }
            }
        }
        await refuse(20)
        #expect(entries(.warning) == ["A caller got no connection."])
        await tested.advance { entries(.warning).count == 2 }
        let summary = try #require(handler.entries.last)
        #expect(summary.message == "More callers got no connection.")
        #expect(summary.metadata["count"] == "19" && summary.metadata["code"] == "timedOut")
        await refuse(1)
        #expect(entries(.warning).count == 3)
        lease.release()
    }

    @Test("A cancelled caller, or a caller of a closed pool, is not a warning")
    func ordinaryRefusals() async throws {
        let tested = try TestedPool("orders", observers: [.logging(logger(.debug))])
        let lease = try await tested.pool.getOrCreate()
        let waiter = Task { try await tested.pool.withConnection { _ in } }
        await until { tested.pool.status.waiting == 1 }
        waiter.cancel()
        _ = await waiter.result
        await tested.pool.close()
        await #expect(throws: PoolError.self) { try await tested.pool.withConnection { _ in } }
        #expect(entries(.warning).isEmpty)
        #expect(entries(.debug).filter { $0 == "A caller got no connection." }.count == 2)
        lease.release()
    }

    @Test("The opening of the circuit breaker is logged at notice, and so is its closing")
    func breaker() async throws {
        let tested = try TestedPool("orders", failures: 3, observers: [.logging(logger(.notice))]) {
            $0.circuitBreakerThreshold = .zero
            $0.initialBackoff = .seconds(1)
        }
        await #expect(throws: PoolError.self) { try await tested.pool.withConnection { _ in } }
        await tested.advance { entries(.notice).count == 2 }
        #expect(
            entries(.notice) == [
                "The circuit breaker has opened: callers are refused until a connection attempt succeeds.",
                "The circuit breaker has closed: a connection attempt has succeeded.",
            ]
        )
        #expect(handler.entries.first { $0.level == .notice }?.metadata["error"] == "refused")
    }

    @Test("A long lease is a warning with the call site of its checkout, and its end is logged at debug")
    func leaks() async throws {
        let tested = try TestedPool("orders", observers: [.logging(logger(.debug))]) {
            $0.leakDetectionThreshold = .seconds(30)
        }
        let lease = try await tested.pool.getOrCreate()
        await tested.advance { !entries(.warning).isEmpty }
        #expect(entries(.warning) == ["A lease lasts too long."])
        let callSite = handler.entries.first { $0.level == .warning }?.metadata["callSite"].map { "\($0)" }
        #expect(callSite?.contains("LoggingTests.swift") == true)
        lease.release()
        #expect(entries(.debug).last == "A lease that lasted too long has ended.")
    }

    @Test("A task that waits while it holds a connection is a warning with both call sites")
    func nesting() async throws {
        let tested = try TestedPool("orders", observers: [.logging(logger(.warning))]) { $0.maximumConnections = 2 }
        try await tested.pool.withConnection { _ in try await tested.pool.withConnection { _ in } }
        let warning = try #require(handler.entries.first)
        #expect(handler.entries.count == 1 && warning.level == .warning)
        for key in ["callSite", "holding"] {
            #expect(warning.metadata[key].map { "\($0)" }?.contains("LoggingTests.swift") == true)
        }
    }

    @Test("Waits and the pool's figures are logged at trace")
    func traces() async throws {
        let tested = try TestedPool("orders", observers: [.logging(logger(.trace))])
        try await tested.pool.withConnection { _ in }
        await tested.advance { entries(.trace).contains("Pool status.") }
        #expect(entries(.trace).first == "A caller has waited.")
        let status = try #require(handler.entries.last { $0.metadata["idle"] != nil })
        #expect(status.metadata["idle"] == "1" && status.metadata["maximum"] == "1")
    }

    @Test("Messages below the log level are not composed")
    func disabled() async throws {
        let descriptions = Tally()
        func run(_ level: Logger.Level) async throws {
            let tested = try TestedPool(
                "orders",
                failures: 1,
                descriptions: descriptions,
                observers: [.logging(logger(level))]
            )
            let caller = Task { try await tested.pool.withConnection { _ in } }
            await tested.advance { tested.factory.openConnections == 1 }
            try await caller.value
        }
        try await run(.error)
        #expect(handler.entries.isEmpty && descriptions.value == 0)
        try await run(.warning)
        #expect(handler.entries.count == 1 && descriptions.value == 1)
    }
}
