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

    @Test("A cluster has metrics of each server, and logs its events")
    func cluster() async throws {
        let metrics = TestMetrics()
        let handler = InMemoryLogHandler()
        var configuration = PostgresCluster.Configuration(url)
        configuration.servers.applicationName = "orders"
        configuration.probeInterval = .milliseconds(20)
        configuration.probeTimeout = .seconds(60)
        let logger = Logger(label: "cluster") { _ in handler }
        let cluster = try PostgresCluster(configuration, observers: [.metrics(factory: metrics), .logging(logger)])
        try await cluster.execute("SELECT 1")
        _ = try await cluster.query("SELECT 1", from: .primary)
        let server = try #require(cluster.status.first?.name)
        let dimensions = [("db.client.connection.pool.name", "orders"), ("postgres.server", server)]
        func counted(_ name: String) -> Int64 {
            (try? metrics.expectCounter("postgres.cluster.\(name)", dimensions).totalValue) ?? 0
        }
        while counted("reads") == 0 || counted("writes") == 0 { await Task.yield() }
        #expect(counted("reads") == 1 && counted("writes") == 1)
        #expect(try metrics.expectMeter("postgres.cluster.primary", dimensions).lastValue == 1)
        #expect(try metrics.expectMeter("postgres.cluster.reachable", dimensions).lastValue == 1)
        await cluster.close()
        let change = try #require(handler.entries.first { "\($0.message)" == "The primary has changed." })
        #expect(change.level == .notice)
        #expect(change.metadata == ["pool": "orders", "from": "none", "to": "\(server)"])
    }
}
