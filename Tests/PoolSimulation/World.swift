// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting

/// A broken promise of the pool.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

/// A database that is up or down, and completes operations in a random order. Records every
/// connection.
///
/// Everything here runs on one thread.
final class World: ConnectionFactory, PoolObserver, @unchecked Sendable {
    struct Connection: ~Copyable, Sendable { let line: Line }

    /// A connection, from its first attempt on.
    final class Line: @unchecked Sendable {
        enum State: Hashable { case connecting, open, resetting, pinging, hooked, closing, closed }

        let number: Int
        fileprivate(set) var state = State.connecting
        /// Whether the pool has stopped waiting for the operation and cancels its task.
        fileprivate(set) var isAbandoned = false
        var health = ConnectionHealth.reusable
        /// Whether the pool was told that the connection is broken.
        fileprivate(set) var isKnownBroken = false
        var holder: Int?
        /// Whether the connection was evicted.
        var isEvicted = false
        /// The instant by which the operation must end or be given up. Set at rest, when the pool
        /// has begun to wait.
        fileprivate var deadline: UInt64?

        /// The start of the attempt.
        fileprivate var born: UInt64 = 0

        init(_ number: Int) { self.number = number }
    }

    enum Weather: Hashable, CaseIterable { case fair, refusing, refusingForGood, silent }

    struct Refused: Error { let isPermanent: Bool }

    let clock: ManualClock
    var dice: Dice
    var weather = Weather.fair
    /// Whether operations end at once, instead of on request.
    var isPrompt = false
    /// The current maximum of connections.
    var maximum: Int { didSet { maximumInForce = max(maximum, maximumInForce) } }
    /// The largest maximum at the decision on an attempt that has not begun yet.
    var maximumInForce: Int
    private(set) var lines: [Line] = []
    /// The number of connections when another was begun, if that seemed too many, and the maximum
    /// at that time.
    private var doubts: [(others: [Line], maximum: Int)] = []
    private(set) var born = 0
    /// Whether no attempt may begin, because the pool is suspended.
    var isQuiet = false
    /// The last instant at which an operation other than an attempt was running, or at which the
    /// pool was resumed.
    private var lastHope: UInt64 = 0
    /// The running operations, which end on request.
    private var pending: [(line: Line, resume: (Bool) -> Void)] = []
    private var hasTrouble = false
    /// The instant at which the pool came to rest after its last failed attempt.
    private(set) var lastTrouble: UInt64 = 0
    /// The first promise that was broken.
    var complaint: String?

    init(_ configuration: ConnectionPoolConfiguration, clock: ManualClock, dice: Dice) {
        self.clock = clock
        self.dice = dice
        maximum = configuration.maximumConnections
        maximumInForce = maximum
    }

    var now: UInt64 { UInt64(ManualClock.Instant().duration(to: clock.now) / .nanoseconds(1)) }

    func complain(_ text: @autoclosure () -> String) { if complaint == nil { complaint = text() } }

    /// The number of connections that count against the maximum.
    var counted: Int { lines.count { isCounted($0) } }
    var connecting: Int { lines.count { $0.state == .connecting && isCounted($0) } }
    var changing: Int { lines.count { $0.state != .open && isCounted($0) } }
    var underWay: Int { pending.count }
    /// The number of connections that are tested, or passed to a hook.
    var preparing: Int { lines.count { $0.state == .pinging || $0.state == .hooked } }
    var open: [Line] { lines.filter { $0.state == .open } }

    private func isCounted(_ line: Line) -> Bool { !line.isAbandoned && line.state != .closed }

    /// Checks whether there were too many connections when one was begun. At rest, because the
    /// pool may have given up a close that had not begun: that close is cancelled from its start,
    /// which has come by now.
    func checkMaximum() {
        for (others, maximum) in doubts where others.count(where: { !$0.isAbandoned }) >= maximum {
            complain("7: a connect began with \(others.count) of \(maximum) connections")
        }
        doubts = []
        maximumInForce = self.maximum
    }

    /// Checks whether the pool waits beyond a time limit. At rest.
    func checkDurations(_ configuration: ConnectionPoolConfiguration) {
        if hasTrouble { (hasTrouble, lastTrouble) = (false, now) }
        for line in lines where isCounted(line) && line.state != .open {
            if let deadline = line.deadline {
                if now > deadline { complain("7: connection \(line.number) is \(line.state) for too long") }
                continue
            }
            let timeout =
                switch line.state {
                case .connecting: configuration.connectTimeout
                case .closing: configuration.closeTimeout
                default: configuration.resetTimeout
                }
            line.deadline = now + UInt64(timeout / .nanoseconds(1))
        }
    }

    /// The number of connections above the maximum that no caller holds.
    var surplus: Int { max(0, min(open.count - maximum, open.count { $0.holder == nil })) }

    /// Records that all connections are to be replaced.
    func evict() {
        for line in lines { line.isEvicted = true }
    }

    /// Records that callers may wait for a while from now on, whatever hangs.
    func noteHope() { lastHope = now }

    /// The instant since which callers wait for an attempt that hangs; `nil` if they do not.
    var hangsSince: UInt64? {
        lines.filter { $0.state == .connecting && isCounted($0) }.map(\.born).min().map { max($0, lastHope) }
    }

    /// Removes closed connections.
    func tidy() { lines.removeAll { $0.state == .closed } }

    // MARK: Operations of the factory

    func connect() async throws -> Connection {
        if isQuiet { complain("10: a suspended pool connects") }
        if counted >= maximumInForce { doubts.append((lines.filter(isCounted), maximumInForce)) }
        let line = Line(born)
        line.isAbandoned = Task.isCancelled
        line.born = now
        born += 1
        lines.append(line)
        let isRefused: Bool
        if weather == .silent || !isPrompt && dice.once(in: 2) {
            isRefused = await !suspended(line)
        } else {
            isRefused = weather != .fair
        }
        if isRefused {
            line.state = .closed
            throw Refused(isPermanent: weather == .refusingForGood)
        }
        enter(line, .open)
        lastHope = now
        return Connection(line: line)
    }

    func isPermanent(_ error: any Error) -> Bool { (error as? Refused)?.isPermanent == true }

    func inspect(_ connection: borrowing Connection) -> ConnectionHealth {
        let line = connection.line
        if line.holder != nil { complain("1: connection \(line.number) was inspected while it was held") }
        if line.health == .broken { line.isKnownBroken = true }
        return line.health
    }

    func reset(_ connection: borrowing Connection) async -> Bool {
        let line = connection.line
        enter(line, .resetting)
        let isWell = isPrompt || dice.once(in: 2) ? weather == .fair : await suspended(line)
        if isWell { line.health = .reusable }
        enter(line, .open)
        return isWell
    }

    func ping(_ connection: borrowing Connection) async -> Bool {
        let line = connection.line
        enter(line, .pinging)
        let isWell = isPrompt || dice.once(in: 2) ? weather == .fair : await suspended(line)
        if !isWell { line.isKnownBroken = true }
        enter(line, .open)
        return isWell
    }

    /// Hooks that suspend now and then, and rarely reject a used connection.
    var hooks: ConnectionHooks<Connection> {
        .init(
            beforeHandOut: { [self] connection, status in
                await hook(connection.line, mayRefuse: status.uses > 0)
            },
            afterReturn: { [self] connection, _ in
                await hook(connection.line, mayRefuse: true) ? .reusable : .broken
            }
        )
    }

    private func hook(_ line: Line, mayRefuse: Bool) async -> Bool {
        if line.holder != nil { complain("1: connection \(line.number) was shown to a hook while it was held") }
        enter(line, .hooked)
        let answer = isPrompt || dice.once(in: 2) ? !dice.once(in: 8) : await suspended(line)
        let isRight = answer || !mayRefuse
        if !isRight { line.isKnownBroken = true }
        enter(line, .open)
        return isRight
    }

    func close(_ connection: consuming Connection) async {
        let line = connection.line
        if line.holder != nil { complain("9: connection \(line.number) was closed while it was held") }
        if line.state == .closing || line.state == .closed { complain("8: connection \(line.number) was closed twice") }
        enter(line, .closing)
        if !isPrompt, dice.once(in: 3) { _ = await suspended(line) }
        enter(line, .closed)
    }

    func interruption(of connection: borrowing Connection) -> (@Sendable () -> Void)? {
        {}
    }

    func observe(_ event: PoolEvent, in pool: String) { if case .connectFailed = event { hasTrouble = true } }

    func observe(_ status: PoolStatus, in pool: String) {}

    private func enter(_ line: Line, _ state: Line.State) {
        line.state = state
        line.deadline = nil
        if Task.isCancelled { line.isAbandoned = true }
    }

    private func suspended(_ line: Line) async -> Bool {
        await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { continuation in
                pending.append((line, { unsafe continuation.resume(returning: $0) }))
            }
        } onCancel: {
            line.isAbandoned = true
        }
    }

    // MARK: Events

    /// Ends a running operation.
    func letGo(succeeding: Bool? = nil) {
        if pending.isEmpty { return }
        pending.swapAt(dice.pick(0...pending.count - 1), pending.count - 1)
        pending.removeLast().resume(succeeding ?? (weather == .fair && !dice.once(in: 4)))
    }

    /// A caller receives a connection.
    func begin(_ line: Line, by caller: Int, mayBeEvicted: Bool = false) {
        if let holder = line.holder { complain("1: \(caller) got connection \(line.number) of \(holder)") }
        if line.state != .open { complain("8: \(caller) got connection \(line.number), which is \(line.state)") }
        if line.isKnownBroken { complain("8: \(caller) got connection \(line.number), which was known to be broken") }
        if line.isEvicted, !mayBeEvicted { complain("8: \(caller) got connection \(line.number), which was evicted") }
        if line.health == .needsReset { complain("8: \(caller) got connection \(line.number), which was not reset") }
        line.holder = caller
    }

    func end(_ line: Line, by caller: Int) {
        if line.holder != caller { complain("1: \(caller) lost connection \(line.number)") }
        line.holder = nil
    }
}
