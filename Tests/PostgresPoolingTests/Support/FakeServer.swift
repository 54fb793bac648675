// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import PostgresPooling

/// A server that implements as much of PostgreSQL's protocol as a test needs, and sends what the
/// test specifies.
///
/// Each connection has a thread that runs the script. A connection that requests a cancellation is
/// counted and closed, which acknowledges it, and has no effect.
final class FakeServer: Sendable {
    let port: Int
    private let listener: Int32
    private let script: @Sendable (Connection) throws -> Void
    private let kept = Locked([Int32]())
    private let isOver = Atomic(false)
    private let answersCancelRequests: Bool

    /// The number of cancel requests.
    let cancelRequests = Atomic(0)
    /// The number of connections for which the script has run.
    let connections = Atomic(0)
    /// The number of scripts that have ended, by themselves or because the client has closed the
    /// connection.
    let ended = Atomic(0)

    /// The connection parameters for a client.
    var url: String { "postgres://user:secret@127.0.0.1:\(port)/database?sslmode=disable" }

    struct Closed: Error {}

    /// Starts a server that runs a script for each connection, from its first byte.
    ///
    /// - Parameter answersCancelRequests: Whether connections that request a cancellation are
    ///   closed.
    init(answersCancelRequests: Bool = true, _ script: @escaping @Sendable (Connection) throws -> Void) throws {
        (listener, port) = try listenOnLoopback()
        self.answersCancelRequests = answersCancelRequests
        self.script = script
        Thread.detachNewThread { [self] in acceptConnections() }
    }

    func stop() {
        // The number of a closed listener may be that of another connection.
        if isOver.exchange(true, ordering: .relaxed) { return }
        shutdown(listener, Int32(SHUT_RDWR))
        for descriptor in kept.withLock({ $0 }) { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private func acceptConnections() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 {
                if isOver.load(ordering: .relaxed) { break }
                continue
            }
            #if canImport(Darwin)
                var isOn: Int32 = 1
                unsafe setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &isOn, socklen_t(MemoryLayout<Int32>.size))
            #endif
            kept.withLock { $0.append(descriptor) }
            Thread.detachNewThread { [self] in
                let connection = Connection(descriptor: descriptor)
                do {
                    if try connection.receiveStartup() == Connection.cancelCode {
                        cancelRequests.add(1, ordering: .relaxed)
                        // Otherwise it stays open until the client or the test closes it.
                        while !answersCancelRequests { _ = try connection.receive(count: 1) }
                        throw Closed()
                    }
                    connections.add(1, ordering: .relaxed)
                    defer { ended.add(1, ordering: .relaxed) }
                    try script(connection)
                } catch {}
                shutdown(descriptor, Int32(SHUT_RDWR))
            }
        }
        close(listener)
    }
}

extension FakeServer {
    /// One connection, for the thread of its script.
    struct Connection {
        static let cancelCode: UInt32 = 80_877_102

        let descriptor: Int32

        func receive(count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: min(count, 65_536))
            while bytes.count < count {
                let got = unsafe recv(descriptor, &chunk, min(chunk.count, count - bytes.count), 0)
                guard got > 0 else { throw Closed() }
                bytes += chunk[..<got]
            }
            return bytes
        }

        /// - Returns: The protocol's version, or the code of a request.
        func receiveStartup() throws -> UInt32 {
            let length = FakeServer.number(try receive(count: 4))
            return FakeServer.number(try receive(count: Int(length) - 4))
        }

        /// - Returns: The type of the next message.
        func receiveMessage() throws -> Character {
            let head = try receive(count: 5)
            _ = try receive(count: Int(FakeServer.number(head[1...])) - 4)
            return Character(UnicodeScalar(head[0]))
        }

        /// Receives messages until the client waits for an answer.
        func receiveStatement() throws {
            while true {
                let type = try receiveMessage()
                if type == "Q" || type == "S" { return }
                if type == "X" { throw Closed() }
            }
        }

        func send(_ bytes: [UInt8]) throws {
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes.withUnsafeBytes { bytes in
                    unsafe Foundation.send(
                        descriptor,
                        bytes.baseAddress! + sent,
                        bytes.count - sent,
                        noSignal
                    )
                }
                guard count > 0 else { throw Closed() }
                sent += count
            }
        }

        /// Sends messages repeatedly, until the client closes the connection.
        ///
        /// Half a megabyte of messages is created in advance, because creating them takes longer
        /// than reading them: a flood has to be faster than its reader.
        ///
        /// - Parameter sent: A closure that is called with the number of bytes sent.
        func flood(_ message: (Int) -> [UInt8], sent: (Int) -> Void = { _ in }) throws {
            var number = 0
            let batches = (0..<16).map { _ in
                var bytes: [UInt8] = []
                while bytes.count < 32_768 {
                    bytes += message(number)
                    number += 1
                }
                return bytes
            }
            while true {
                for bytes in batches {
                    try send(bytes)
                    sent(bytes.count)
                }
            }
        }

        /// Completes the handshake.
        func letIn() throws {
            try send(FakeServer.message("R", [0, 0, 0, 0]))
            try send(FakeServer.parameter("server_version", "15.0"))
            try send(FakeServer.parameter("client_encoding", "UTF8"))
            try send(FakeServer.message("K", [0, 0, 0, 1, 0, 0, 0, 2]))
            try send(FakeServer.message("Z", Array("I".utf8)))
        }

        /// Answers statements, each with one row and one column, of type `int4`.
        func serve(count: Int = .max) throws {
            var served = 0
            while served < count {
                try receiveStatement()
                try send(FakeServer.description + FakeServer.row + FakeServer.end)
                served += 1
            }
        }
    }

    private static func number(_ bytes: some Collection<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
        let length = UInt32(body.count + 4)
        return [type.asciiValue!] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + body
    }

    static func parameter(_ name: String, _ value: String) -> [UInt8] {
        message("S", Array("\(name)\0\(value)\0".utf8))
    }

    static func notice(_ text: String) -> [UInt8] {
        message("N", Array("SNOTICE\0C00000\0M\(text)\0\0".utf8))
    }

    static func notification(_ number: Int) -> [UInt8] { notification("channel", "\(number)") }

    static func notification(_ channel: String, _ payload: String, process: Int32 = 1) -> [UInt8] {
        message(
            "A",
            (0..<4).map { UInt8(truncatingIfNeeded: process >> (24 - 8 * $0)) } + Array("\(channel)\0\(payload)\0".utf8)
        )
    }

    static func error(_ severity: String, _ sqlState: String, _ text: String) -> [UInt8] {
        message("E", Array("S\(severity)\0V\(severity)\0C\(sqlState)\0M\(text)\0\0".utf8))
    }

    /// The answer to the extended protocol's messages before the rows, and the columns of the
    /// rows.
    static var description: [UInt8] {
        let column: [UInt8] = Array("n\0".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 1]
        return message("1", []) + message("2", []) + message("T", [0, 1] + column)
    }

    static var row: [UInt8] { message("D", [0, 1, 0, 0, 0, 4, 0, 0, 0, 1]) }
    static var end: [UInt8] { message("C", Array("SELECT 1\0".utf8)) + message("Z", Array("I".utf8)) }
}

/// Prevents a send to a closed connection from ending the process.
#if canImport(Darwin)
    let noSignal: Int32 = 0
#else
    let noSignal = Int32(MSG_NOSIGNAL)
#endif

/// The messages that a server sends without end.
enum Flood: String, CaseIterable, CustomTestStringConvertible {
    case notices, parameters, notifications, endlessNotice

    var testDescription: String { rawValue }

    func message(_ number: Int) -> [UInt8] {
        switch self {
        case .notices: FakeServer.notice("a notice that was not asked for")
        case .parameters: FakeServer.parameter("parameter\(number)", "value")
        case .notifications: FakeServer.notification(number)
        // The beginning of a message of a gigabyte, and a part of its text.
        case .endlessNotice:
            number == 0
                ? [UInt8(ascii: "N"), 0x3f, 0xff, 0xff, 0xff] + Array("M".utf8) : [UInt8](repeating: 0x61, count: 4_096)
        }
    }
}
