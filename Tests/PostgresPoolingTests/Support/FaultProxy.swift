// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation

/// A proxy in front of a server. It follows the messages of both directions, and disturbs one
/// connection at a chosen message.
///
/// Messages are counted from ``arm(_:)`` on, over all connections except those that request a
/// cancellation, which are forwarded undisturbed. A fault strikes once: later connections are
/// forwarded undisturbed, too. The client must not encrypt its connections.
///
/// Each connection has a thread, which ends with it.
final class FaultProxy: Sendable {
    enum Direction: String, CaseIterable, Sendable {
        case toServer, toClient
    }

    /// What happens at the position of a fault. What stands before it has arrived.
    enum Action: Sendable {
        /// Both connections end with a reset.
        case reset
        /// Both connections end in order. A message that was begun is truncated.
        case close
        /// Nothing arrives anymore, in both directions, until the client closes the connection.
        case stall
        /// The rest of the message is left out.
        case drop
        /// The direction pauses for this number of milliseconds, after what stands before the
        /// position has been sent.
        case delay(Int)
    }

    /// An action and its position.
    struct Fault: Sendable, CustomStringConvertible {
        var action: Action
        var direction: Direction
        /// The number of whole messages of the direction before the position.
        var messages: Int
        /// The number of bytes of the next message before the position. A message that has no more
        /// ends one byte after it.
        var bytes = 0

        var description: String {
            "\(action) \(direction.rawValue) after \(messages) messages and \(bytes) bytes"
        }
    }

    /// A fault at a random position.
    ///
    /// - Parameter count: The number of messages of its direction within which it strikes.
    static func randomFault(
        _ actions: [Action],
        within count: Int,
        using generator: inout some RandomNumberGenerator
    ) -> Fault {
        Fault(
            action: actions.randomElement(using: &generator)!,
            direction: Direction.allCases.randomElement(using: &generator)!,
            messages: Int.random(in: 0..<count, using: &generator),
            bytes: Bool.random(using: &generator) ? 0 : Int.random(in: 1..<100, using: &generator)
        )
    }

    /// A message that has begun to arrive at the proxy.
    struct Message: Sendable, CustomStringConvertible {
        let direction: Direction
        /// The protocol's code; `*` for a startup packet.
        let type: Character
        /// The number of bytes, with the code and the length.
        let size: Int

        var description: String { "\(direction == .toServer ? ">" : "<")\(type)" }
    }

    private struct State {
        var fault: Fault?
        var hasStruck = false
        var messages: [Message] = []
        var counts: [Direction: Int] = [:]
        var sockets: Set<Int32> = []
        var relays = 0
        var isOver = false
    }

    /// The port of 127.0.0.1 for clients.
    let port: Int
    private let serverPort: Int
    private let listener: Int32
    private let state = Locked(State())
    /// What ``cut()`` stops.
    let link = Link()

    /// Starts a proxy in front of a server on 127.0.0.1.
    init(serverPort: Int) throws {
        self.serverPort = serverPort
        (listener, port) = try listenOnLoopback()
        closeInChildren(listener)
        Thread.detachNewThread { [self] in acceptConnections() }
    }

    /// Starts a proxy in front of a server.
    ///
    /// - Parameter url: The URL of the server.
    /// - Returns: The proxy, and the URL for its clients.
    static func start(before url: String) throws -> (proxy: FaultProxy, url: String) {
        guard var parts = URLComponents(string: url), let port = parts.port else { throw POSIXError(.EINVAL) }
        let proxy = try FaultProxy(serverPort: port)
        (parts.host, parts.port, parts.query) = ("127.0.0.1", proxy.port, "sslmode=disable&gssencmode=disable")
        return (proxy, parts.string!)
    }

    /// Forgets the messages so far, and sets the next fault.
    func arm(_ fault: Fault?) {
        state.withLock { state in
            state.fault = fault
            state.hasStruck = false
            state.messages = []
            state.counts = [:]
        }
    }

    /// Whether the fault has struck.
    var hasStruck: Bool { state.withLock { $0.hasStruck } }

    /// The messages since ``arm(_:)``, in the order of their arrival.
    var messages: [Message] { state.withLock { $0.messages } }

    /// The number of connections that are open.
    var connectionCount: Int { state.withLock { $0.relays } }

    /// Ends all connections, and accepts no others. Also ends a cut.
    func stop() {
        defer { restore() }
        state.withLock { state in
            // The number of a closed listener may be that of another connection.
            if state.isOver { return }
            state.isOver = true
            shutdown(listener, Int32(SHUT_RDWR))
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    private func acceptConnections() {
        while true {
            let client = accept(listener, nil, nil)
            if client >= 0 {
                closeInChildren(client)
                open(client)
            } else if state.withLock({ $0.isOver }) {
                break
            }
        }
        close(listener)
    }

    private func open(_ client: Int32) {
        guard let server = link.transfer({ try? connectToLoopback(port: serverPort) }) else {
            close(client)
            return
        }
        closeInChildren(server)
        let isOver = state.withLock { state in
            if state.isOver { return true }
            state.sockets.formUnion([client, server])
            state.relays += 1
            return false
        }
        if isOver { return Relay.end([client, server], .close) }
        Thread.detachNewThread { [self] in
            var relay = Relay(client: client, server: server, self)
            let ending = relay.run()
            state.withLock { state in
                state.sockets.subtract([client, server])
                Relay.end([client, server], ending)
                state.relays -= 1
            }
        }
    }

    /// Records that a message has begun.
    ///
    /// - Returns: The fault, if it strikes within this message.
    func record(_ message: Message) -> Fault? {
        state.withLock { state in
            state.messages.append(message)
            let index = state.counts[message.direction, default: 0]
            state.counts[message.direction] = index + 1
            guard let fault = state.fault, fault.direction == message.direction, fault.messages == index else {
                return nil
            }
            state.fault = nil
            return fault
        }
    }

    /// Records that the fault has struck.
    func recordStrike() { state.withLock { $0.hasStruck = true } }
}

/// Prevents processes that the tests start from keeping a socket open.
private func closeInChildren(_ socket: Int32) { _ = fcntl(socket, F_SETFD, FD_CLOEXEC) }
