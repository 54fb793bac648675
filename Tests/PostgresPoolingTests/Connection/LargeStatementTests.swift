// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolPQ
import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct LargeStatementTests {
    /// Through the server's Unix socket, through TCP, and encrypted.
    enum Transport: CaseIterable {
        case socket, network, encrypted
    }

    private func withPool(
        _ transport: Transport,
        _ poller: PollerKind = .native,
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        let server = try await TestServer.shared
        try await server.withPool(
            poller,
            {
                $0.pool.maximumConnections = 1
                if transport == .socket { $0.parameters["host"] = server.socketFolder }
                $0.parameters["sslmode"] = transport == .encrypted ? "require" : "disable"
            },
            body
        )
    }

    @Test("A large parameter arrives intact, repeatedly", arguments: Transport.allCases, PollerKind.allCases)
    func parameter(_ transport: Transport, _ poller: PollerKind) async throws {
        try await withPool(transport, poller) { pool in
            let process = try await pool.process()
            // Prepared on the third run.
            for megabytes in [1, 8, 32] {
                let bytes = [UInt8](repeating: UInt8(megabytes), count: megabytes << 20)
                let rows = try await pool.query(
                    "SELECT length(\(bytes)), get_byte(\(bytes), \(Int32(bytes.count - 1)))",
                    as: (Int32, Int32).self
                )
                #expect(rows[0] == (Int32(bytes.count), Int32(megabytes)))
            }
            try await equal(pool.process(), process)
        }
    }

    @Test("A large statement text and a large script arrive intact", arguments: Transport.allCases)
    func text(_ transport: Transport) async throws {
        try await withPool(transport) { pool in
            let comment = "/* " + String(repeating: "x", count: 4 << 20) + " */"
            try await equal(pool.query(PostgresQuery(unsafe: comment + " SELECT 1"), as: Int32.self), [1])
            try await pool.withConnection { db in
                try await db.executeScript(PostgresQuery(unsafe: comment + "; SELECT 1; SELECT 2"))
                try await equal(db.query("SELECT 3", as: Int32.self), [3])
            }
        }
    }

    @Test("Rows of a large statement are streamed one by one", arguments: Transport.allCases)
    func stream(_ transport: Transport) async throws {
        try await withPool(transport) { pool in
            let bytes = [UInt8](repeating: 1, count: 4 << 20)
            try await pool.withConnection { db in
                var count = 0
                for try await _ in db.stream("SELECT n FROM generate_series(1, length(\(bytes)) / 4096) AS n") {
                    count += 1
                }
                #expect(count == 1_024)
            }
        }
    }

    @Test("A value that cannot be sent fails, and its connection remains usable")
    func refused() async throws {
        try await withPool(.socket) { pool in
            let process = try await pool.process()
            let text = String(repeating: "x", count: 2 << 20)
            let error = await postgresFailure { try await pool.query("SELECT \(text), \("a\0b")") }
            #expect(error?.code == .encoding)
            try await equal(pool.process(), process)
        }
    }

    @Test("A statement that the server refuses while it is being sent leaves the connection usable")
    func failed() async throws {
        try await withPool(.socket) { pool in
            let process = try await pool.process()
            let bytes = [UInt8](repeating: 1, count: 8 << 20)
            let error = await postgresFailure { try await pool.query("SELECT nowhere(\(bytes))") }
            #expect(error?.sqlState != nil)
            try await equal(pool.process(), process)
        }
    }

    #if os(Linux)
        @Test("A socket is registered for writing only while there is something to send")
        func registration() async throws {
            try await withPool(.socket) { pool in
                let events = try await pool.withConnection { db in
                    // More than the socket accepts at once, and less than a large statement.
                    let bytes = [UInt8](repeating: 1, count: 900 << 10)
                    _ = try await db.query("SELECT length(\(bytes))")
                    _ = try await db.query("SELECT pg_sleep(0.01)")
                    return try registeredEvents(unsafe PQsocket(db.session.handle))
                }
                // EPOLLIN, EPOLLRDHUP and EPOLLET, but not EPOLLOUT, which is 4.
                #expect(events != 0)
                #expect(events & 4 == 0)
            }
        }

        /// Returns the events that a descriptor is registered for with `epoll`, as the system
        /// reports them.
        private func registeredEvents(_ descriptor: Int32) throws -> UInt32 {
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fdinfo") {
                guard let text = try? String(contentsOfFile: "/proc/self/fdinfo/\(name)", encoding: .utf8) else {
                    continue
                }
                for line in text.split(separator: "\n") where line.hasPrefix("tfd:") {
                    let words = line.split(separator: " ")
                    guard words.count > 3, words[1] == "\(descriptor)" else { continue }
                    return UInt32(words[3], radix: 16) ?? 0
                }
            }
            return 0
        }
    #endif
}
