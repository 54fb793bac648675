// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

/// A factory that does as it is told: each connect waits for its script's word.
final class ScriptedFactory: ConnectionFactory {
    struct Connection: ~Copyable, Sendable {
        let number: Int
        let health = Locked(ConnectionHealth.reusable)

        func breakDown() { health.withLock { $0 = .broken } }
        func soil() { health.withLock { $0 = .needsReset } }
    }

    struct Refused: Error, Equatable {}

    enum Word: Sendable { case succeed, fail, hang }

    private struct State {
        var connects = 0
        var open = 0
        var mostOpen = 0
        var closed: [Int] = []
        var script: [Word] = []
        var hanging: [CheckedContinuation<Bool, Never>] = []
        var holdsClosing = false
        var closing: [CheckedContinuation<Void, Never>] = []
        var resetting: [CheckedContinuation<Bool, Never>] = []
    }

    private let state = Locked(State())

    init(_ script: [Word] = [], holdsClosing: Bool = false) {
        state.withLock {
            $0.script = script
            $0.holdsClosing = holdsClosing
        }
    }

    var connects: Int { state.withLock { $0.connects } }
    var open: Int { state.withLock { $0.open } }
    var mostOpen: Int { state.withLock { $0.mostOpen } }
    var closed: [Int] { state.withLock { $0.closed } }
    var hanging: Int { state.withLock { $0.hanging.count } }
    var closing: Int { state.withLock { $0.closing.count } }
    var resetting: Int { state.withLock { $0.resetting.count } }

    /// Lets the oldest hanging connect succeed or fail.
    func release(succeeding: Bool) {
        state.withLock { $0.hanging.removeFirst() }.resume(returning: succeeding)
    }

    /// Lets the oldest reset succeed or fail.
    func finishResetting(succeeding: Bool) {
        state.withLock { $0.resetting.removeFirst() }.resume(returning: succeeding)
    }

    /// Lets the oldest close end.
    func finishClosing() {
        state.withLock { $0.closing.removeFirst() }.resume()
    }

    func connect() async throws -> Connection {
        let (number, word) = state.withLock { state in
            state.connects += 1
            state.open += 1
            state.mostOpen = max(state.mostOpen, state.open)
            return (state.connects, state.script.isEmpty ? .succeed : state.script.removeFirst())
        }
        let succeeds =
            switch word {
            case .succeed: true
            case .fail: false
            case .hang:
                await withCheckedContinuation { continuation in state.withLock { $0.hanging.append(continuation) } }
            }
        guard succeeds else {
            state.withLock { $0.open -= 1 }
            throw Refused()
        }
        return Connection(number: number)
    }

    func inspect(_ connection: borrowing Connection) -> ConnectionHealth {
        connection.health.withLock { $0 }
    }

    /// Waits for `finishResetting`.
    func reset(_ connection: borrowing Connection) async -> Bool {
        let succeeds = await withCheckedContinuation { continuation in
            state.withLock { $0.resetting.append(continuation) }
        }
        if succeeds { connection.health.withLock { $0 = .reusable } }
        return succeeds
    }

    func close(_ connection: consuming Connection) async {
        if state.withLock({ $0.holdsClosing }) {
            await withCheckedContinuation { continuation in state.withLock { $0.closing.append(continuation) } }
        }
        state.withLock { state in
            state.open -= 1
            state.closed.append(connection.number)
        }
    }
}

/// Yields until `condition` holds.
func until(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
}
