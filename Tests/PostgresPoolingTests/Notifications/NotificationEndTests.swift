// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport
import Testing

@testable import PostgresPooling

/// The end of subscriptions, tasks and pools, and servers that cannot listen.
@Suite(.timeLimit(.minutes(10))) struct NotificationEndTests {
    @Test("A cancelled task receives the end of the sequence, and loses no element")
    func cancelledConsumer() async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool { pool in
            let notifications = try await pool.notifications(on: channel)
            // While it waits, before it waits, and at any moment in between.
            for _ in 0..<200 {
                let consumer = Task { await notifications.next(1) }
                consumer.cancel()
                #expect(await consumer.value == [])
            }
            let (started, starting) = AsyncStream.makeStream(of: Void.self)
            let consumer = Task {
                starting.finish()
                return await notifications.next(1)
            }
            for await _ in started {}
            consumer.cancel()
            #expect(await consumer.value == [])
            try await pool.notify(channel, payload: "1")
            #expect(await notifications.next(1) == ["1"])
        }
    }

    @Test("Elements are returned once, whichever tasks are cancelled")
    func cancelledRace() async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool { pool in
            let notifications = try await pool.notifications(on: channel)
            let received = Counted<String>()
            let consumers = (0..<50).map { _ in
                Task { for await event in notifications { received.add(event.summary) } }
            }
            for number in 0..<500 {
                try await pool.notify(channel, payload: "\(number)")
                if number % 10 == 0 { consumers[number / 10].cancel() }
            }
            for consumer in consumers { consumer.cancel() }
            for consumer in consumers { await consumer.value }
            let rest = await notifications.next(500 - received.values.count)
            #expect(Set(received.values + rest).count == 500)
        }
    }

    @Test("A subscription is cancelled, times out, or ends with the pool while the server does not answer")
    func silent() async throws {
        let server = try await TestServer.shared
        let (descriptor, port) = try listenOnLoopback()
        defer { close(descriptor) }
        try await server.withPool(.native, { $0.parameters["port"] = "\(port)" }) { pool in
            let cancelled = Task { try await pool.notifications(on: "a") }
            await until { pool.attempts.count == 1 }
            cancelled.cancel()
            #expect(await failure { try await cancelled.value } is CancellationError)
            let error = await failure { try await pool.notifications(on: "a", timeout: .milliseconds(10)) }
            #expect((error as? PoolError)?.code == .timedOut)
            let ended = Task { try await pool.notifications(on: "a") }
            await until { pool.notificationStatus.subscriptions == 1 }
            await pool.close()
            #expect(await (failure { try await ended.value } as? PoolError)?.code == .closed)
            #expect(pool.attempts.count == 0)
        }
    }

    @Test("A subscription of a cancelled task fails, and leaves nothing")
    func cancelledSubscription() async throws {
        let server = try await TestServer.shared
        let name = newChannel()
        try await server.withPool(name: name) { pool in
            for _ in 0..<50 {
                let task = Task { try await pool.notifications(on: "a") }
                task.cancel()
                if let error = await failure({ try await task.value }) { #expect(error is CancellationError) }
            }
            await until { pool.notificationStatus.subscriptions == 0 }
            try await until { try await server.backendCount(applicationName: name) == 0 }
        }
    }

    @Test(
        "The end of the pool ends each sequence after its elements",
        arguments: ["close", "shutdown", "run", "release"]
    )
    func poolEnds(_ way: String) async throws {
        let server = try await TestServer.shared
        let (name, channel) = (newChannel(), newChannel())
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        configuration.applicationName = name
        var pool: PostgresPool? = try PostgresPool(configuration)
        let notifications = try await pool!.notifications(on: channel)
        let waiting = try await pool!.notifications(on: newChannel())
        let consumer = Task { await waiting.next(1) }
        let other = try await pool!.notifications(on: channel)
        for number in 1...3 {
            try await pool!.notify(channel, payload: "\(number)")
            #expect(await other.next(1) == ["\(number)"])
        }
        switch way {
        case "close": await pool!.close()
        case "shutdown": await pool!.shutdown(drain: .seconds(300))
        case "run":
            let service = Task { [pool] in await pool!.run() }
            service.cancel()
            await service.value
        default: pool = nil
        }
        #expect(await consumer.value == [])
        if way != "release" {
            #expect(await (failure { try await pool!.notifications(on: channel) } as? PoolError)?.code == .closed)
            // The last one may not have been passed on to all subscriptions before the end.
            #expect(await notifications.next(9).prefix(2) == ["1", "2"])
        }
        try await until { try await server.backendCount(applicationName: name) == 0 }
        #expect(await waiting.next(1) == [])
    }

    @Test("Pools that close as subscriptions begin leave no session")
    func closeRace() async throws {
        let server = try await TestServer.shared
        let name = newChannel()
        for round in 0..<30 {
            try await server.withPool(name: name) { pool in
                async let outcome = failure { try await pool.notifications(on: "a") }
                for _ in 0..<(round * 20) { await Task.yield() }
                await pool.close()
                if let error = await outcome { #expect((error as? PoolError)?.code == .closed, "\(error)") }
                #expect(pool.notificationStatus.channels == 0)
            }
        }
        try await until { try await server.backendCount(applicationName: name) == 0 }
    }

    @Test("A connection that a pooler may share cannot listen, and the error says what to do")
    func pooler() async throws {
        let server = try await TestServer.shared
        try await server.withPgBouncer(.transaction) { bouncer in
            for pooler in [PostgresConfiguration.Pooler.transaction, .detect] {
                try await bouncer.withPool({ $0.pooler = pooler }) { pool in
                    let error = await postgresFailure { try await pool.notifications(on: "a") }
                    #expect(error?.code == .unsupported)
                    #expect(error?.message.contains("session mode") == true)
                    try await pool.notify("a", payload: "1")
                }
            }
        }
        let channel = newChannel()
        try await server.withPgBouncer(.session) { bouncer in
            try await bouncer.withPool({
                $0.pooler = .session
                $0.pool.maximumConnections = 1
            }) { pool in
                let notifications = try await pool.notifications(on: channel)
                try await pool.notify(channel, payload: "1")
                #expect(await notifications.next(1) == ["1"])
            }
        }
    }

    #if os(Linux)
        @Test("Subscriptions, unsubscriptions and restarts of the server leave no descriptor, thread or session")
        func leaks() async {
            await #expect(processExitsWith: .success) {
                try await withServer { server in
                    try await server.withPool(.native, { $0.pool.maximumBackoff = .milliseconds(100) }) { pool in
                        func subscribe() async throws {
                            let notifications = try await pool.notifications(on: "a", "b")
                            try await pool.notify("a", payload: "1")
                            #expect(await notifications.next(1) == ["1"])
                        }
                        func resources() async throws -> [Int] {
                            let name = pool.configuration.pool.name
                            _ = try await pool.query("SELECT 1")
                            try await until { try await server.backendCount(applicationName: name) == 1 }
                            try await until { try threadNames().count { $0.hasPrefix("postgres-") } <= 1 }
                            return [
                                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
                                try threadNames().count { $0.hasPrefix("postgres") },
                            ]
                        }
                        for _ in 0..<3 { try await subscribe() }
                        let before = try await resources()
                        for _ in 0..<100 { try await subscribe() }
                        try await equal(resources(), before)
                        do {
                            let notifications = try await pool.notifications(on: "a")
                            for _ in 0..<20 {
                                try await server.restart()
                                #expect(await notifications.next(1) == ["reconnected"])
                            }
                        }
                        try await equal(resources(), before)
                    }
                }
            }
        }
    #endif
}
