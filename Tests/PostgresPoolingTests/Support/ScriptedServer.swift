// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation

@testable import PostgresPooling

/// A listener that implements PostgreSQL's protocol as far as a test specifies, so that the test
/// decides what is answered.
final class ScriptedServer: Sendable {
    /// The transaction status that ends each answer.
    enum Status: Character {
        case idle = "I"
        case inTransaction = "T"
    }

    /// One session, on a thread of its own. Reading blocks.
    final class Session: @unchecked Sendable {
        /// 1 for the first session of the server.
        let number: Int
        private let descriptor: Int32
        private let received: Counted<String>
        private var isExtended = false

        fileprivate init(_ descriptor: Int32, number: Int, received: Counted<String>) {
            self.descriptor = descriptor
            self.number = number
            self.received = received
        }

        /// The text of the next statement to execute; `nil` at the end. Statements that are only
        /// prepared or described are answered here.
        func nextStatement() -> String? {
            var (text, types) = ("", Set<Character>())
            while let (type, body) = message() {
                types.insert(type)
                switch type {
                case "Q": text = String(decoding: body.dropLast(), as: UTF8.self)
                case "P":
                    text = String(
                        decoding: body.split(separator: 0, omittingEmptySubsequences: false)[1],
                        as: UTF8.self
                    )
                case "X": return nil
                default: break
                }
                if type == "S", !types.contains("E") {
                    if types.contains("P") { send("1") }
                    if types.contains("D") {
                        send("t", [0, 0])
                        send("n")
                    }
                    send("Z", Array("I".utf8))
                    types = []
                } else if type == "S" || type == "Q" {
                    isExtended = type == "S"
                    received.add(text)
                    return text
                }
            }
            return nil
        }

        /// Answers a statement that returns no rows.
        func complete(_ tag: String, _ status: Status) {
            if isExtended {
                send("1")
                send("2")
                send("n")
            }
            finish(tag, status)
        }

        /// Begins the answer of a statement that returns rows of one `int4`.
        func beginRows() {
            send("1")
            send("2")
            send(
                "T",
                [0, 1] + Array("n".utf8) + [0] + [0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 1]
            )
        }

        func row(_ number: UInt8) { send("D", [0, 1, 0, 0, 0, 4, 0, 0, 0, number]) }

        /// Ends an answer.
        func finish(_ tag: String, _ status: Status) {
            send("C", Array(tag.utf8) + [0])
            send("Z", Array(String(status.rawValue).utf8))
        }

        func fail(severity: String = "FATAL", _ state: PostgresError.SQLState, _ message: String) {
            let fields = ["S\(severity)", "V\(severity)", "C\(state)", "M\(message)"]
            send("E", fields.flatMap { Array($0.utf8) + [0] } + [0])
        }

        fileprivate func message() -> (Character, [UInt8])? {
            guard let type = bytes(1), let length = length(), let body = bytes(length - 4) else { return nil }
            return (Character(UnicodeScalar(type[0])), body)
        }

        fileprivate func length() -> Int? { bytes(4).map { $0.reduce(0) { $0 << 8 | Int($1) } } }

        fileprivate func bytes(_ count: Int) -> [UInt8]? {
            var bytes: [UInt8] = []
            while bytes.count < count {
                var part: [UInt8] = Array(repeating: 0, count: count - bytes.count)
                let size = unsafe part.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
                if size <= 0 { return nil }
                bytes += part.prefix(size)
            }
            return bytes
        }

        func send(_ type: Character, _ body: [UInt8] = []) {
            let length = unsafe withUnsafeBytes(of: UInt32(body.count + 4).bigEndian) { unsafe Array($0) }
            let bytes = [type.asciiValue!] + length + body
            _ = unsafe bytes.withUnsafeBytes {
                unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
        }
    }

    let url: String
    private let descriptor: Int32
    private let received = Counted<String>()
    private let cancellations = Counted<Bool>()
    private let ends = Counted<Bool>()

    /// The statements of all sessions that were to be executed, in order.
    var statements: [String] { received.values }

    /// The number of cancel requests.
    var cancelRequests: Int { cancellations.values.count }

    /// - Parameter serve: A closure that serves a session, which ends when the closure returns.
    init(_ serve: @escaping @Sendable (Session) -> Void) throws {
        let (listener, port) = try listenOnLoopback()
        descriptor = listener
        url = "postgres://user@127.0.0.1:\(port)/database?sslmode=disable"
        let (received, cancellations, ends) = (received, cancellations, ends)
        // The thread closes the listener itself: another thread could do so before the next call
        // of `accept`, which would then accept the connections of another test's server if that
        // has the same descriptor.
        Thread.detachNewThread {
            defer { close(listener) }
            var number = 0
            while ends.values.isEmpty {
                let peer = accept(listener, nil, nil)
                if peer < 0 { continue }
                number += 1
                let session = Session(peer, number: number, received: received)
                Thread.detachNewThread {
                    if Self.greet(session, cancellations) { serve(session) }
                    close(peer)
                }
            }
        }
    }

    deinit {
        // Makes a thread in `accept` return. Before the thread may close it: the number could be
        // that of another test's connection then.
        shutdown(descriptor, Int32(SHUT_RDWR))
        ends.add(true)
    }

    /// - Returns: Whether a session has begun.
    private static func greet(_ session: Session, _ cancellations: Counted<Bool>) -> Bool {
        guard let length = session.length(), let packet = session.bytes(length - 4) else { return false }
        // The code of a cancel request.
        if packet.starts(with: [4, 210, 22, 46]) {
            cancellations.add(true)
            return false
        }
        session.send("R", [0, 0, 0, 0])
        let parameters = [
            "server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8", "TimeZone": "UTC",
            "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "standard_conforming_strings": "on",
            "integer_datetimes": "on", "is_superuser": "off", "session_authorization": "user",
            "in_hot_standby": "off", "default_transaction_read_only": "off",
        ]
        for (name, value) in parameters { session.send("S", Array(name.utf8) + [0] + Array(value.utf8) + [0]) }
        session.send("K", [0, 0, 0, 1, 0, 0, 0, 1])
        session.send("Z", Array("I".utf8))
        return true
    }

    /// Provides a pool for this server, and closes it at the end.
    func withPool<Value>(
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        var configuration = PostgresConfiguration.withLongTimeouts(url)
        // The server answers by the script, whatever the statement.
        configuration.pooler = .session
        configuration.pool.maximumConnections = 1
        configure(&configuration)
        return try await PollerKind.native.withPool(configuration) { pool in
            do {
                let value = try await body(pool)
                await pool.close()
                return value
            } catch {
                await pool.close()
                throw error
            }
        }
    }
}
