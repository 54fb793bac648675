// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Subscriptions, channels and messages.
@Suite(.timeLimit(.minutes(10))) struct NotificationTests {
    @Test("A notification arrives with its channel, payload and sender", arguments: PollerKind.allCases)
    func basic(_ poller: PollerKind) async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool(poller) { pool in
            let notifications = try await pool.notifications(on: channel)
            let process = try await pool.withConnection { db in
                try await db.notify(channel, payload: "1")
                return db.serverProcess
            }
            var iterator = notifications.makeAsyncIterator()
            guard case .notification(let notification)? = await iterator.next() else {
                Issue.record("no notification")
                return
            }
            #expect(notification == PostgresNotification(channel: channel, payload: "1", serverProcess: process))
            // While the connection waits again.
            try await pool.notify(channel, payload: "2")
            #expect(await notifications.next(1) == ["2"])
            try await pool.notify(channel)
            #expect(await notifications.next(1) == [""])
        }
    }

    @Test("The name of a channel is any text, and compared by its bytes")
    func names() async throws {
        let suffix = newChannel()
        let names = ["Orders", "orders", "\"; SELECT 1 --'", "\u{e9}", "e\u{301}"].map { $0 + suffix }
        try await TestServer.shared.withPool { pool in
            let all = try await pool.notifications(on: names)
            var each: [PostgresNotifications] = []
            for name in names { each.append(try await pool.notifications(on: name)) }
            #expect(pool.notificationStatus.channels == names.count)
            for (index, name) in names.enumerated() { try await pool.notify(name, payload: "\(index)") }
            #expect(await all.next(names.count) == names.indices.map(String.init))
            for index in names.indices { #expect(await each[index].next(1) == ["\(index)"]) }
        }
    }

    @Test("A name of 63 bytes is allowed, and an invalid argument is refused before anything is sent")
    func invalidNames() async throws {
        let name = newChannel()
        try await TestServer.shared.withPool(name: name) { pool in
            for invalid in ["", "a\0b", String(repeating: "\u{e9}", count: 32)] {
                await #expect(postgresFailure { try await pool.notifications(on: "x", invalid) }?.code == .encoding)
                await #expect(postgresFailure { try await pool.notify(invalid) }?.code == .encoding)
            }
            await #expect(postgresFailure { try await pool.notifications(on: []) }?.code == .invalidConfiguration)
            let error = await postgresFailure { try await pool.notifications(on: "x", bufferingNewest: 0) }
            #expect(error?.code == .invalidConfiguration)
            try await equal(TestServer.shared.backendCount(applicationName: name), 0)
            let longest = newChannel(String(repeating: "x", count: 54))
            #expect(longest.utf8.count == 63)
            let notifications = try await pool.notifications(on: longest)
            try await pool.notify(longest, payload: "1")
            #expect(await notifications.next(1) == ["1"])
        }
    }

    @Test("A payload has up to 7,999 bytes, and a longer one is the server's error")
    func payloads() async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool { pool in
            let notifications = try await pool.notifications(on: channel)
            let longest = "\u{1f40c}" + String(repeating: "x", count: 7_995)
            try await pool.notify(channel, payload: longest)
            #expect(await notifications.next(1) == [longest])
            let error = await postgresFailure { try await pool.notify(channel, payload: longest + "x") }
            #expect(error?.sqlState == PostgresError.SQLState("22023"))
            #expect(await postgresFailure { try await pool.notify(channel, payload: "\0") }?.code == .encoding)
        }
    }

    @Test("Notifications arrive when their transaction commits, in the order of commits")
    func transactions() async throws {
        let (one, other) = (newChannel(), newChannel())
        try await TestServer.shared.withPool { pool in
            let notifications = try await pool.notifications(on: one, other)
            let isolated = try await pool.notifications(on: other)
            await #expect(throws: CancellationError.self) {
                try await pool.withTransaction { db in
                    try await db.notify(one, payload: "rolled back")
                    throw CancellationError()
                }
            }
            try await pool.withTransaction { db in
                try await db.notify(one, payload: "third")
                try await pool.notify(other, payload: "first")
                try await pool.notify(one, payload: "second")
                try await db.notify(other, payload: "fourth")
            }
            #expect(await notifications.next(4) == ["first", "second", "third", "fourth"])
            #expect(await isolated.next(2) == ["first", "fourth"])
        }
    }

    @Test("A notification that follows the subscription at once is not missed")
    func boundary() async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool { pool in
            for number in 0..<50 {
                let notifications = try await pool.notifications(on: channel)
                try await pool.notify(channel, payload: "\(number)")
                #expect(await notifications.next(1) == ["\(number)"])
                notifications.cancel()
            }
        }
    }

    @Test("The connection listens to a channel while it has subscriptions, and closes after the last one")
    func lifetimes() async throws {
        let server = try await TestServer.shared
        let (name, kept) = (newChannel(), newChannel())
        try await server.withPool(name: name) { pool in
            let notifications = try await pool.notifications(on: kept)
            do {
                let first = try await pool.notifications(on: newChannel("ended"))
                let second = try await pool.notifications(on: kept, newChannel("cancelled"))
                #expect(pool.notificationStatus.subscriptions == 3)
                second.cancel()
                #expect(await second.next(1) == [])
                _ = consume first
            }
            await until { pool.notificationStatus.channels == 1 }
            try await until {
                try await server.psql("SELECT query FROM pg_stat_activity WHERE application_name = '\(name)'")
                    .contains("UNLISTEN \"")
            }
            try await equal(server.backendCount(applicationName: name), 1)
            try await server.psql("NOTIFY \"\(kept)\", '1'")
            #expect(await notifications.next(1) == ["1"])
            notifications.cancel()
            try await until { try await server.backendCount(applicationName: name) == 0 }
            // A later subscription connects again, without a gap.
            let later = try await pool.notifications(on: kept)
            try await pool.notify(kept, payload: "2")
            #expect(await later.next(1) == ["2"])
            #expect(pool.notificationStatus.reconnections == 0)
        }
        try await until { try await server.backendCount(applicationName: name) == 0 }
    }

    @Test("A subscription that is not read drops the oldest, and counts them in a gap")
    func overflow() async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool { pool in
            let slow = try await pool.notifications(on: channel, bufferingNewest: 3)
            let fast = try await pool.notifications(on: channel)
            for number in 1...10 { try await pool.notify(channel, payload: "\(number)") }
            #expect(await fast.next(10) == (1...10).map(String.init))
            #expect(await slow.next(4) == ["dropped 7", "8", "9", "10"])
            try await pool.notify(channel, payload: "11")
            #expect(await slow.next(1) == ["11"])
        }
    }

    @Test("100 subscriptions each receive 10,000 notifications in order", arguments: [PollerKind.native, .executor])
    func load(_ poller: PollerKind) async throws {
        let channel = newChannel()
        let expected = (1...10_000).map(String.init)
        try await TestServer.shared.withPool(poller) { pool in
            let complete = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    let notifications = try await pool.notifications(on: channel)
                    group.addTask { await notifications.next(10_000) == expected }
                }
                // In ten transactions, and more bytes than an idle connection of the pool may
                // receive.
                for start in stride(from: 1, to: 10_000, by: 1_000) {
                    try await pool.execute(
                        "SELECT pg_notify(\(channel), n::text) FROM generate_series(\(start), \(start + 999)) n"
                    )
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(complete == 100)
            #expect(pool.notificationStatus.reconnections == 0)
        }
    }

    @Test("Large notifications arrive, also on an encrypted connection", arguments: ["disable", "require"])
    func large(_ mode: String) async throws {
        let channel = newChannel()
        try await TestServer.shared.withPool(.native, { $0.parameters["sslmode"] = mode }) { pool in
            try await equal(pool.withConnection { $0.isEncrypted }, mode == "require")
            let notifications = try await pool.notifications(on: channel)
            try await pool.execute(
                "SELECT pg_notify(\(channel), n::text || repeat('x', 7000)) FROM generate_series(1, 1000) n"
            )
            let padding = String(repeating: "x", count: 7_000)
            #expect(await notifications.next(1_000) == (1...1_000).map { "\($0)" + padding })
            // The rest of the input was not forgotten.
            try await pool.notify(channel, payload: "last")
            #expect(await notifications.next(1) == ["last"])
        }
    }

    @Test("Subscriptions that come and go at once receive what is sent while they exist")
    func churn() async throws {
        let server = try await TestServer.shared
        let name = newChannel()
        let channels = (0..<4).map { _ in newChannel() }
        try await server.withPool(name: name, { $0.pool.maximumConnections = 8 }) { pool in
            let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
                for task in 0..<16 {
                    group.addTask {
                        var wrong = 0
                        for round in 0..<25 {
                            let own = "\(task) \(round)"
                            let notifications = try await pool.notifications(on: channels[(task + round) % 4])
                            try await pool.notify(channels[(task + round) % 4], payload: own)
                            for await event in notifications where event.summary == own { break }
                            if Task.isCancelled { wrong += 1 }
                        }
                        return wrong
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(wrong == 0)
            await until { pool.notificationStatus.subscriptions == 0 }
        }
        try await until { try await server.backendCount(applicationName: name) == 0 }
    }

    @Test("The setup runs on the connection for notifications")
    func setup() async throws {
        let server = try await TestServer.shared
        let (name, channel) = (newChannel(), newChannel())
        try await server.withPool(
            name: newChannel(),
            { $0.setup = [PostgresQuery(unsafe: "SET application_name = '\(name)'")] }
        ) {
            pool in
            let notifications = try await pool.notifications(on: channel)
            try await equal(server.backendCount(applicationName: name), 1)
            notifications.cancel()
        }
    }
}
