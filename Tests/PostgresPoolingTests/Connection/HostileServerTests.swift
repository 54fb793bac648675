// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolPQ
import ConnectionPooling
import Foundation
import PoolTesting
import Synchronization
import Testing

@testable import PostgresPooling

/// The effects of a server that sends too much, or that does not read.
@Suite(.timeLimit(.minutes(10))) struct HostileServerTests {
    private func withPool(
        _ server: FakeServer,
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        var configuration = PostgresConfiguration.withLongTimeouts(server.url)
        // The server answers by the script, whatever the statement.
        configuration.pooler = .session
        configuration.pool.maximumConnections = 1
        configure(&configuration)
        let pool = try PostgresPool(configuration)
        do {
            try await body(pool)
        } catch {
            await pool.close()
            server.stop()
            throw error
        }
        await pool.close()
        server.stop()
    }

    @Test("An idle connection that the server floods is replaced after a small budget", arguments: Flood.allCases)
    func idle(_ flood: Flood) async throws {
        let sent = Counted<Int>()
        let isIdle = DispatchSemaphore(value: 0)
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.serve(count: 1)
            if sent.values.isEmpty {
                sent.add(0)
                isIdle.wait()
                try connection.flood(flood.message) { sent.add($0) }
            }
            try connection.serve()
        }
        try await withPool(server) { pool in
            try await equal(pool.query("SELECT 1", as: Int32.self), [1])
            await until { pool.status.idle == 1 }
            isIdle.signal()
            // The flood ends when the client closes the connection.
            await until { server.ended.load(ordering: .relaxed) == 1 }
            try await equal(pool.query("SELECT 1", as: Int32.self), [1])
            #expect(server.connections.load(ordering: .relaxed) == 2)
        }
        // At most the buffers of two sockets.
        #expect(sent.values.reduce(0, +) < 32 << 20)
    }

    @Test(
        "A connection that is flooded between two statements of a lease fails the next one",
        arguments: Flood.allCases
    )
    func betweenStatements(_ flood: Flood) async throws {
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.serve(count: 1)
            try connection.flood(flood.message)
        }
        try await withPool(server) { pool in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    _ = try await db.query("SELECT 1")
                    // Until input has arrived.
                    await until { clockpool_unread(unsafe PQsocket(db.session.handle)) > Session.idleBudget }
                    while true { _ = try await db.query("SELECT 1", timeout: .seconds(1)) }
                }
            }
            // Input that the reactor has not reported by then arrives within the statement, and
            // ends with its deadline.
            #expect([.connectionLost, .timedOut].contains(error?.code))
            await until { server.ended.load(ordering: .relaxed) >= 1 }
        }
    }

    @Test(
        "A statement that the server floods ends at its deadline, other pools continue, and the connection is abandoned",
        arguments: Flood.allCases.map(\.rawValue) + ["rows"]
    )
    func inStatement(_ kind: String) async throws {
        let flood = Flood(rawValue: kind)
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.receiveStatement()
            try connection.send(FakeServer.description)
            try connection.flood { flood?.message($0) ?? FakeServer.row }
        }
        try await TestServer.shared.withPool { other in
            _ = try await other.query("SELECT 1")
            try await withPool(server, { $0.pool.resetTimeout = .seconds(3_600) }) { pool in
                async let error = postgresFailure {
                    try await pool.withConnection { db in try await db.query("SELECT 1", timeout: .milliseconds(300)) }
                }
                for number in 0..<20 { try await equal(other.query("SELECT \(number)", as: Int.self), [number]) }
                // An excessive number of parameters is detected before that.
                #expect(await [.timedOut, .connectionLost].contains(error?.code))
                // Although the server has an hour to end the statement.
                await until { server.ended.load(ordering: .relaxed) == 1 }
            }
        }
    }

    @Test("A connection attempt does not wait for a server that floods it", arguments: Flood.allCases)
    func connecting(_ flood: Flood) async throws {
        let server = try FakeServer { connection in
            try connection.send(FakeServer.message("R", [0, 0, 0, 0]))
            try connection.flood(flood.message)
        }
        try await withPool(
            server,
            {
                $0.pool.initialBackoff = .zero
                $0.pool.maximumBackoff = .zero
            }
        ) { pool in
            let error = await postgresFailure { try await pool.query("SELECT 1") }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("has sent more") == true, "\(error.debugDescription)")
        }
    }

    @Test("A server that floods instead of reading a large statement loses the connection", arguments: Flood.allCases)
    func sending(_ flood: Flood) async throws {
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.flood(flood.message)
        }
        try await withPool(server) { pool in
            // More than the buffers of two sockets can hold.
            let text = String(repeating: "x", count: 16 << 20)
            let error = await postgresFailure { try await pool.query("SELECT \(text)") }
            #expect([.connectionLost, .outcomeUnknown].contains(error?.code))
            await until { server.ended.load(ordering: .relaxed) >= 1 }
        }
    }

    @Test("Nothing is sent on an abandoned connection, and its input is not parsed")
    func notUsed() async throws {
        let isReady = DispatchSemaphore(value: 0)
        let notices = Counted<String>()
        let statements = Counted<Int>()
        let server = try FakeServer { connection in
            try connection.letIn()
            try connection.serve(count: 1)
            isReady.wait()
            try connection.send(FakeServer.notice("unsolicited"))
            try connection.receiveStatement()
            statements.add(1)
        }
        try await withPool(server, { $0.onNotice = { notices.add($0.message) } }) { pool in
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    _ = try await db.query("SELECT 1")
                    isReady.signal()
                    await until { clockpool_unread(unsafe PQsocket(db.session.handle)) > 0 }
                    db.session.abandon()
                    _ = try await db.query("SELECT 1")
                }
            }
            #expect(error?.code == .connectionLost && error?.outcome == .notExecuted)
            await until { server.ended.load(ordering: .relaxed) == 1 }
            #expect(notices.values == [])
            #expect(statements.values == [])
        }
    }

    @Test("Input during a large statement is counted, whether or not it has been read")
    func unsolicited() throws {
        let (listener, port) = try listenOnLoopback()
        defer { close(listener) }
        let client = try connectToLoopback(port: port)
        let server = accept(listener, nil, nil)
        var pair: [Int32] = [-1, -1]
        try #require(unsafe socketpair(AF_UNIX, streamSocket, 0, &pair) == 0)
        for (reader, writer, isExact) in [(client, server, true), (pair[0], pair[1], false)] {
            defer {
                close(reader)
                close(writer)
            }
            var bytes = [UInt8](repeating: 1, count: 1_000)
            _ = unsafe write(writer, bytes, 1_000)
            _ = unsafe recv(reader, &bytes, 1_000, Int32(MSG_WAITALL))
            var unsolicited = Session.UnsolicitedBytes(socket: reader)
            #expect(unsolicited.count(on: reader) == 0)
            for round in 1...20 {
                _ = unsafe write(writer, bytes, 1_000)
                if isExact { while unsolicited.count(on: reader) < round * 1_000 {} }
                #expect(unsolicited.count(on: reader) == (isExact ? round * 1_000 : round * 65_536))
                _ = unsafe recv(reader, &bytes, 1_000, Int32(MSG_WAITALL))
                #expect(unsolicited.count(on: reader) == (isExact ? round * 1_000 : round * 65_536))
            }
            #expect((unsolicited.count(on: reader) > Session.sendingBudget) == !isExact)
        }
    }

    @Test("A large statement that the server does not read ends at its deadline, and with its task")
    func unread() async throws {
        let mayRead = DispatchSemaphore(value: 0)
        let statements = Counted<Int32>()
        let server = try FakeServer { connection in
            try connection.letIn()
            var polled = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
            while unsafe poll(&polled, 1, -1) < 0 {}
            statements.add(connection.descriptor)
            mayRead.wait()
            // The part of the statement that the system has accepted, and then the end.
            while true { _ = try connection.receive(count: 65_536) }
        }
        try await withPool(server) { pool in
            // More than the buffers of two sockets can hold.
            let text = String(repeating: "x", count: 16 << 20)
            let error = await postgresFailure {
                try await pool.withConnection { db in
                    try await db.query("SELECT \(text)", timeout: .milliseconds(100))
                }
            }
            #expect(error?.code == .timedOut)
            #expect(error?.connectionIsGone == true)
            mayRead.signal()
            await until { server.ended.load(ordering: .relaxed) == 1 }
            let task = Task { try await pool.query("SELECT \(text)") }
            // The server has received a part of the statement, and reads no more.
            await until { statements.values.count == 2 }
            task.cancel()
            #expect(await failure { try await task.value } is CancellationError)
            mayRead.signal()
            await until { server.ended.load(ordering: .relaxed) == 2 }
        }
    }

    @Test("A server that does not answer cancel requests occupies few threads, and closed connections leave no request")
    func unansweredCancelRequests() async throws {
        let server = try FakeServer(answersCancelRequests: false) { connection in
            try connection.letIn()
            while true { try connection.receiveStatement() }
        }
        try await withPool(
            server,
            {
                $0.pool.maximumConnections = 16
                $0.pool.resetTimeout = .milliseconds(50)
            }
        ) { pool in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let error = await postgresFailure {
                            try await pool.withConnection { db in
                                try await db.query("SELECT 1", timeout: .milliseconds(1))
                            }
                        }
                        #expect(error?.code == .timedOut)
                    }
                }
            }
            await until { server.ended.load(ordering: .relaxed) == server.connections.load(ordering: .relaxed) }
            #expect(server.connections.load(ordering: .relaxed) > 4)
            #expect(server.cancelRequests.load(ordering: .relaxed) <= 4)
            await until { CancelThreads.shared.queueLength(for: "127.0.0.1 127.0.0.1 \(server.port)") == 0 }
        }
    }

    @Test("Closing a pool ends its connection attempts")
    func closing() async throws {
        let listener = try SilentListener()
        let server = "host=127.0.0.1 port=\(listener.port) user=u dbname=d"
        for isShutDown in [false, true] {
            var configuration = PostgresConfiguration.withLongTimeouts(server)
            configuration.pool.connectTimeout = .seconds(3_000)
            let pool = try PostgresPool(configuration)
            let task = Task { await failure { try await pool.query("SELECT 1") } }
            await until { pool.attempts.count > 0 }
            let closing = Task { isShutDown ? await pool.shutdown(drain: .zero) : await pool.close() }
            try await eventually("the attempt has ended", within: .seconds(120)) { pool.attempts.count == 0 }
            await closing.value
            #expect(pool.attempts.count == 0)
            #expect(await task.value != nil)
        }
    }
}
