// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Subscriptions whose connection is lost.
@Suite(.timeLimit(.minutes(10))) struct NotificationReconnectTests {
    @Test(
        "A session that the server ends is replaced, with a gap for each subscription",
        arguments: PollerKind.allCases
    )
    func terminated(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        let (name, one, other) = (newChannel(), newChannel(), newChannel())
        try await server.withPool(poller, name: name) { pool in
            let first = try await pool.notifications(on: one, other)
            let second = try await pool.notifications(on: other)
            try await server.psql("NOTIFY \"\(other)\", '1'")
            #expect(await second.next(1) == ["1"])
            try await server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)'"
            )
            var iterator = second.makeAsyncIterator()
            guard case .gap(.reconnected(let loss))? = await iterator.next() else {
                Issue.record("no gap")
                return
            }
            #expect(loss.sqlState == .adminShutdown && loss.code == .connectionLost)
            try await server.psql("NOTIFY \"\(other)\", '2'")
            #expect(await first.next(3) == ["1", "reconnected", "2"])
            #expect(await second.next(1) == ["2"])
            #expect(pool.notificationStatus.reconnections == 1)
        }
        try await until { try await server.backendCount(applicationName: name) == 0 }
    }

    @Test("Subscriptions survive a restart of the server, and its crash")
    func restarted() async throws {
        try await withServer { server in
            try await server.withPool(.native, { $0.pool.maximumBackoff = .milliseconds(200) }) { pool in
                let notifications = try await pool.notifications(on: "a", "b")
                try await server.restart()
                #expect(await notifications.next(1) == ["reconnected"])
                try await server.psql("NOTIFY b, '1'")
                #expect(await notifications.next(1) == ["1"])
                try await server.killHard()
                await until { pool.notificationStatus.channels == 0 }
                try await server.restart()
                #expect(await notifications.next(1) == ["reconnected"])
                try await server.psql("NOTIFY a, '2'")
                #expect(await notifications.next(1) == ["2"])
            }
        }
    }

    @Test("Subscriptions continue on the next server after a failover")
    func failover() async throws {
        try await withServer { primary in
            try await withServer { standby in
                try await primary.withPool(
                    .native,
                    {
                        $0.server = "host=\(primary.host),\(standby.host) port=\(primary.port),\(standby.port)"
                        $0.parameters["user"] = primary.user
                        $0.parameters["dbname"] = primary.database
                        $0.parameters["sslmode"] = "disable"
                        let passwords = [primary.password, standby.password]
                        let attempts = Counted<Int>()
                        // The second server has another password.
                        $0.password = {
                            attempts.add(1)
                            return passwords[(attempts.values.count - 1) % 2]
                        }
                    }
                ) { pool in
                    let notifications = try await pool.notifications(on: "a")
                    try await primary.psql("NOTIFY a, '1'")
                    #expect(await notifications.next(1) == ["1"])
                    try await primary.killHard()
                    #expect(await notifications.next(1) == ["reconnected"])
                    try await standby.psql("NOTIFY a, '2'")
                    #expect(await notifications.next(1) == ["2"])
                }
            }
        }
    }

    @Test("A server that no longer answers is detected after the keep-alive interval")
    func frozen() async throws {
        try await withServer { server in
            try await server.withPool(
                .native,
                {
                    $0.pool.keepAliveInterval = .milliseconds(100)
                    $0.pool.resetTimeout = .milliseconds(500)
                    $0.pool.maximumBackoff = .milliseconds(200)
                }
            ) { pool in
                let notifications = try await pool.notifications(on: "a")
                try await server.signal(.stop)
                await until { pool.notificationStatus.channels == 0 }
                try await server.signal(.continue)
                #expect(await notifications.next(1) == ["reconnected"])
            }
        }
    }

    @Test("Eviction replaces the connection for notifications")
    func evicted() async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool { pool in
            pool.evictAll()
            let notifications = try await pool.notifications(on: channel)
            pool.evictAll()
            #expect(await notifications.next(1) == ["reconnected"])
            try await pool.notify(channel, payload: "1")
            #expect(await notifications.next(1) == ["1"])
        }
    }

    @Test("A new subscription fails at once for a wrong password, and at its timeout for an unreachable server")
    func unreachable() async throws {
        let server = try await TestServer.shared
        try await server.withPool(.native, { $0.parameters["password"] = "wrong" }) { pool in
            let error = await postgresFailure { try await pool.notifications(on: "a") }
            #expect(error?.sqlState == PostgresError.SQLState("28P01"))
            #expect(pool.notificationStatus.subscriptions == 0)
        }
        let (descriptor, port) = try listenOnLoopback()
        close(descriptor)
        try await server.withPool(.native, { $0.parameters["port"] = "\(port)" }) { pool in
            let error = await failure { try await pool.notifications(on: "a", timeout: .seconds(2)) }
            #expect((error as? PostgresError)?.code == .connectFailed)
            #expect(pool.notificationStatus.subscriptions == 0)
        }
    }

    @Test("A failed subscription does not disturb another, whose connection is established later")
    func laterServer() async throws {
        try await withServer { server in
            try await server.withPool(.native, { $0.pool.maximumBackoff = .milliseconds(200) }) { pool in
                try await server.killHard()
                async let patient = pool.notifications(on: "a")
                let error = await failure { try await pool.notifications(on: "b", timeout: .milliseconds(1)) }
                #expect(error != nil)
                try await server.restart()
                let notifications = try await patient
                try await pool.notify("b", payload: "0")
                try await pool.notify("a", payload: "1")
                #expect(await notifications.next(1) == ["1"])
            }
        }
    }

    @Test("The connection can be one of the pool's, and is closed and not reused")
    func counted() async throws {
        let server = try await TestServer.shared
        let (name, channel) = (newChannel(), newChannel())
        try await server.withPool(
            name: name,
            {
                $0.countsNotificationConnection = true
                $0.pool.maximumConnections = 2
            }
        ) { pool in
            let notifications = try await pool.notifications(on: channel)
            #expect(pool.status.leased == 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10 { group.addTask { try await pool.notify(channel, payload: "\(number)") } }
                try await group.waitForAll()
            }
            #expect(await Set(notifications.next(10)).count == 10)
            try await equal(server.backendCount(applicationName: name), 2)
            try await server.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)' AND query LIKE 'LISTEN%'"
            )
            #expect(await notifications.next(1) == ["reconnected"])
            notifications.cancel()
            await until { pool.status.leased == 0 }
            try await until {
                try await server.psql(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(name)' AND query LIKE 'LISTEN%'"
                ) == "0"
            }
            let error = #expect(throws: PoolError.self) { try pool.resize(to: 1) }
            #expect(error?.code == .invalidConfiguration && error?.description.contains("at least 2") == true)
            let again = try await pool.notifications(on: channel)
            await pool.shutdown(drain: .seconds(300))
            #expect(await again.next(1) == [])
        }
        var configuration = PostgresConfiguration()
        configuration.countsNotificationConnection = true
        configuration.pool.maximumConnections = 1
        #expect(throws: PostgresError.self) { try PostgresPool(configuration) }
    }
}
