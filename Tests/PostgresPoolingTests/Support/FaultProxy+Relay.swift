// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension FaultProxy {
    /// One direction of a connection.
    struct Stream {
        let direction: Direction
        let source: Int32
        let sink: Int32

        /// Bytes that have arrived and are not examined.
        private var input: [UInt8] = []
        /// Bytes to be sent.
        private var output: [UInt8] = []
        /// The number of bytes that are left of the current message.
        private var rest = 0
        /// The fault within the current message, and the number of bytes before it.
        private var fault: (Fault, bytes: Int)?
        private var isDropping = false
        private var isAtStart: Bool
        /// Whether the connection requests a cancellation, whose bytes are not counted.
        private var isUncounted = false
        private var pauseEnd: ContinuousClock.Instant?
        /// Whether the source has ended.
        private(set) var isOver = false

        init(_ direction: Direction, from source: Int32, to sink: Int32) {
            self.direction = direction
            self.source = source
            self.sink = sink
            isAtStart = direction == .toServer
        }

        var isSending: Bool { !output.isEmpty }
        var isReading: Bool { output.isEmpty && pauseEnd == nil && !isOver }

        /// The time until the end of a pause, in milliseconds; `nil` without one.
        var pause: Int32? {
            guard let pauseEnd else { return nil }
            return max(0, Int32(clamping: (pauseEnd - .now).components.attoseconds / 1_000_000_000_000_000)) + 1
        }

        /// Reads what has arrived.
        mutating func receive() throws {
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe recv(source, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count >= 0 else { throw POSIXError(.ECONNRESET) }
            isOver = count == 0
            input += chunk[..<count]
        }

        /// Sends as much as possible.
        mutating func send() throws {
            if output.isEmpty { return }
            let count = unsafe output.withUnsafeBytes { bytes in
                unsafe Foundation.send(sink, bytes.baseAddress!, bytes.count, noSignal | Int32(MSG_DONTWAIT))
            }
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0 else { throw POSIXError(.ECONNRESET) }
            output.removeFirst(count)
        }

        /// Moves bytes from the input to the output, up to a fault or the end of the input.
        ///
        /// - Returns: The fault at whose position the output ends.
        mutating func forward(_ proxy: FaultProxy) -> Fault? {
            if let pauseEnd, pauseEnd > .now { return nil }
            pauseEnd = nil
            while !input.isEmpty {
                if isUncounted {
                    output += input
                    input = []
                    return nil
                }
                if rest == 0, !beginMessage(proxy) { return nil }
                if let (fault, bytes) = fault, bytes == 0 {
                    self.fault = nil
                    return fault
                }
                let count = min(rest, input.count, fault?.bytes ?? .max)
                if !isDropping { output += input[..<count] }
                input.removeFirst(count)
                rest -= count
                fault?.bytes -= count
                if rest == 0 { isDropping = false }
            }
            return nil
        }

        /// Examines the beginning of a message.
        ///
        /// - Returns: Whether enough of it has arrived.
        private mutating func beginMessage(_ proxy: FaultProxy) -> Bool {
            func number(at start: Int) -> Int { input[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
            guard input.count >= (isAtStart ? 8 : 5) else { return false }
            if isAtStart, number(at: 4) == FakeServer.Connection.cancelCode {
                isUncounted = true
                return true
            }
            let type: Character = isAtStart ? "*" : Character(UnicodeScalar(input[0]))
            rest = isAtStart ? number(at: 0) : number(at: 1) + 1
            isAtStart = false
            if let fault = proxy.record(Message(direction: direction, type: type, size: rest)) {
                self.fault = (fault, min(fault.bytes, rest - 1))
            }
            return true
        }

        mutating func drop() { isDropping = true }

        mutating func pause(milliseconds: Int) { pauseEnd = .now + .milliseconds(milliseconds) }
    }

    /// The two connections that the proxy has for one connection of a client.
    struct Relay {
        /// How the connections end.
        enum Ending {
            case close, reset
        }

        private let client: Int32
        private let server: Int32
        private let proxy: FaultProxy
        private var streams: [Stream]

        init(client: Int32, server: Int32, _ proxy: FaultProxy) {
            (self.client, self.server, self.proxy) = (client, server, proxy)
            streams = [Stream(.toServer, from: client, to: server), Stream(.toClient, from: server, to: client)]
            for socket in [client, server] { set(TCP_NODELAY, of: socket, level: Int32(IPPROTO_TCP), to: Int32(1)) }
        }

        /// Forwards until both connections have ended, or a fault has ended them.
        mutating func run() -> Ending {
            do {
                while !streams.allSatisfy({ $0.isOver && !$0.isSending }) {
                    try waitForSockets()
                    if let ending = try transfer() { return ending }
                }
                return .close
            } catch {
                return .reset
            }
        }

        /// Closes sockets.
        static func end(_ sockets: [Int32], _ ending: Ending) {
            for socket in sockets {
                if ending == .reset {
                    set(SO_LINGER, of: socket, level: SOL_SOCKET, to: linger(l_onoff: 1, l_linger: 0))
                }
                close(socket)
            }
        }

        private mutating func transfer() throws -> Ending? {
            for index in streams.indices {
                if streams[index].isReading { try proxy.link.transfer { try streams[index].receive() } }
                while let fault = streams[index].forward(proxy) {
                    try flush(index)
                    proxy.recordStrike()
                    if let ending = perform(fault.action, on: index) { return ending }
                }
                try proxy.link.transfer {
                    try streams[index].send()
                    if streams[index].isOver, !streams[index].isSending {
                        shutdown(streams[index].sink, Int32(SHUT_WR))
                    }
                }
            }
            return nil
        }

        private mutating func flush(_ index: Int) throws {
            try proxy.link.transfer { try streams[index].send() }
            while streams[index].isSending {
                try waitForSockets()
                try proxy.link.transfer { try streams[index].send() }
            }
        }

        private mutating func perform(_ action: Action, on index: Int) -> Ending? {
            switch action {
            case .reset: return .reset
            case .close: endInOrder()
            case .stall: stall()
            case .drop:
                streams[index].drop()
                return nil
            case .delay(let milliseconds):
                streams[index].pause(milliseconds: milliseconds)
                return nil
            }
            return .close
        }

        private func waitForSockets() throws {
            var entries = [client, server].map { socket in
                var events: Int32 = 0
                for stream in streams {
                    if stream.source == socket, stream.isReading { events |= Int32(POLLIN) }
                    if stream.sink == socket, stream.isSending { events |= Int32(POLLOUT) }
                }
                // Without events it would be reported when it has ended.
                return pollfd(fd: events == 0 ? -1 : socket, events: Int16(events), revents: 0)
            }
            let timeout = streams.compactMap(\.pause).min() ?? -1
            if unsafe poll(&entries, nfds_t(entries.count), timeout) < 0, errno != EINTR { throw POSIXError(.EIO) }
        }

        /// Sends nothing more to either side, and waits until both have noticed.
        private func endInOrder() {
            for socket in [client, server] { shutdown(socket, Int32(SHUT_WR)) }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            for socket in [client, server] { while unsafe recv(socket, &chunk, chunk.count, 0) > 0 {} }
        }

        /// Waits until the client has closed its connection.
        private func stall() {
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while unsafe recv(client, &chunk, chunk.count, 0) > 0 {}
        }
    }
}

private func set<Value>(_ option: Int32, of socket: Int32, level: Int32, to value: Value) {
    _ = unsafe withUnsafeBytes(of: value) { bytes in
        unsafe setsockopt(socket, level, option, bytes.baseAddress!, socklen_t(bytes.count))
    }
}
