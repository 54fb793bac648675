// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import InMemoryLogging
import Logging
import MetricsTestKit
import PostgresPooling
import ServiceLifecycle
import Testing

/// Uses the server that `DATABASE_URL` names.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["DATABASE_URL"] != nil, "DATABASE_URL names no server"))
struct PostgresTests {
    private let url = ProcessInfo.processInfo.environment["DATABASE_URL"] ?? ""

    @Test("A server's notice is logged at its own level, with its code and its hint")
    func notices() async throws {
        let handler = InMemoryLogHandler()
        var configuration = PostgresConfiguration(url)
        configuration.applicationName = "orders"
        configuration.logNotices(to: Logger(label: "server") { _ in handler })
        let pool = try PostgresPool(configuration)
        try await pool.execute("DO $$ BEGIN RAISE WARNING 'It is late' USING HINT = 'Go home'; END $$")
        try await pool.execute("DO $$ BEGIN RAISE NOTICE 'It is early'; END $$")
        await pool.close()
        #expect(handler.entries.map(\.level) == [.warning, .notice])
        let warning = try #require(handler.entries.first)
        #expect("\(warning.message)" == "It is late")
        #expect(warning.metadata == ["pool": "orders", "sqlState": "01000", "hint": "Go home"])
    }

    @Test("A PostgreSQL pool has metrics, and is a service that is closed when its group has ended")
    func service() async throws {
        let metrics = TestMetrics()
        var configuration = PostgresConfiguration(url)
        configuration.applicationName = "orders"
        let pool = try PostgresPool(configuration, observers: [.metrics(factory: metrics)])
        let group = ServiceGroup(services: [pool], logger: Logger(label: "group") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await group.run() }
        try await pool.execute("SELECT 1")
        await group.triggerGracefulShutdown()
        try await running.value
        let timer = try metrics.expectTimer(
            "db.client.connection.create_time",
            [("db.client.connection.pool.name", "orders")]
        )
        #expect(timer.values.count == 1)
        #expect(pool.status.idle == 0 && pool.status.leased == 0)
        await #expect(throws: (any Error).self) { try await pool.execute("SELECT 1") }
    }
}
