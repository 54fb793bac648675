// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

/// The script of the calls of one operation.
struct Script: Sendable {
    var steps: ArraySlice<ScriptedFactory.Step> = []
    var rest = ScriptedFactory.Step.succeed

    mutating func next() -> ScriptedFactory.Step { steps.popFirst() ?? rest }
}

/// The shared state of a scripted factory and its connections: scripts, hanging calls, the
/// record, and the waiters for its changes.
final class Ledger: Sendable {
    struct State {
        struct Hanging {
            let id: Int
            let connection: Int?
            let continuation: CheckedContinuation<Void, any Error>
        }

        struct Watcher {
            let condition: @Sendable (ScriptedFactory.Record) -> Bool
            let continuation: CheckedContinuation<Void, Never>
        }

        var record = ScriptedFactory.Record()
        var scripts: [ScriptedFactory.Operation: Script] = [:]
        /// The health of connections that are not reusable.
        var health: [Int: ConnectionHealth] = [:]
        var nextID = 0
        /// Calls whose tasks were cancelled before they hung.
        var cancelled: Set<Int> = []
        var hanging: [ScriptedFactory.Operation: [Hanging]] = [:]
        var interrupted: Set<Int> = []
        var made: [Int: Duration] = [:]
        var watchers: [Watcher] = []
    }

    private let state = Locked(State())
    /// The time since the factory was made.
    private let now: @Sendable () -> Duration
    private let sleep: @Sendable (Duration) async throws -> Void

    init(now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    var record: ScriptedFactory.Record { state.withLock { $0.record } }

    func health(of id: Int) -> ConnectionHealth { state.withLock { $0.health[id] ?? .reusable } }

    func age(of id: Int) -> Duration? {
        let now = now()
        return state.withLock { state in state.made[id].map { now - $0 } }
    }

    /// Changes the state, and resumes the watchers whose conditions hold.
    func change(_ body: (inout State) -> Void) {
        let satisfied = state.withLock { state in
            body(&state)
            return satisfiedWatchers(&state)
        }
        for watcher in satisfied { watcher.resume() }
    }

    /// Assigns a number to a new connection.
    func connected() -> Int {
        let now = now()
        var id = 0
        change { state in
            id = state.record.connected.count + 1
            state.record.connected.append(id)
            state.made[id] = now
        }
        return id
    }

    /// Performs the next step of the script.
    func perform(_ operation: ScriptedFactory.Operation, on connection: Int? = nil) async throws {
        var step = ScriptedFactory.Step.succeed
        change { state in
            state.record.calls[operation, default: 0] += 1
            step = state.scripts[operation, default: Script()].next()
        }
        switch step {
        case .succeed: return
        case .fail(let error): throw error
        case .take(let duration): try await sleep(duration)
        case .hang: try await hang(operation, on: connection, as: nextID())
        case .hangUntilCancelled:
            let id = nextID()
            try await withTaskCancellationHandler {
                try await hang(operation, on: connection, as: id)
            } onCancel: {
                cancel(operation, id)
            }
        }
    }

    private func nextID() -> Int {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    private func hang(_ operation: ScriptedFactory.Operation, on connection: Int?, as id: Int) async throws {
        try await withCheckedThrowingContinuation { continuation in
            var refusal: (any Error)?
            change { state in
                if operation == .use, let connection, state.interrupted.contains(connection) {
                    refusal = Ledger.interruption
                } else if state.cancelled.remove(id) != nil {
                    refusal = CancellationError()
                } else {
                    state.hanging[operation, default: []]
                        .append(.init(id: id, connection: connection, continuation: continuation))
                    state.record.hung[operation, default: 0] += 1
                }
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    /// Ends a call that hangs or is about to hang, because its task is cancelled.
    private func cancel(_ operation: ScriptedFactory.Operation, _ id: Int) {
        var ended: State.Hanging?
        change { state in
            guard let index = state.hanging[operation]?.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return
            }
            ended = state.hanging[operation]?.remove(at: index)
            state.record.hung[operation, default: 0] -= 1
        }
        ended?.continuation.resume(throwing: CancellationError())
    }

    func letGo(_ operation: ScriptedFactory.Operation, _ error: (any Error)?) -> Bool {
        var first: State.Hanging?
        change { state in
            guard state.hanging[operation]?.isEmpty == false else { return }
            first = state.hanging[operation]?.removeFirst()
            state.record.hung[operation, default: 0] -= 1
        }
        guard let first else { return false }
        if let error { first.continuation.resume(throwing: error) } else { first.continuation.resume() }
        return true
    }

    func interrupt(_ id: Int) {
        var ended: [State.Hanging] = []
        change { state in
            state.record.interrupted.append(id)
            state.interrupted.insert(id)
            let uses = state.hanging[.use] ?? []
            ended = uses.filter { $0.connection == id }
            state.hanging[.use] = uses.filter { $0.connection != id }
            state.record.hung[.use] = uses.count - ended.count
        }
        for use in ended { use.continuation.resume(throwing: Ledger.interruption) }
    }

    func checkUse(of id: Int) throws {
        let (health, isInterrupted) = state.withLock { ($0.health[id], $0.interrupted.contains(id)) }
        if isInterrupted { throw Ledger.interruption }
        if health == .broken { throw ScriptedFailure("the connection is broken") }
    }

    func wait(until condition: @escaping @Sendable (ScriptedFactory.Record) -> Bool) async {
        let gone = Locked(false)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                change { state in
                    state.watchers.append(
                        .init(condition: { gone.withLock { $0 } || condition($0) }, continuation: continuation)
                    )
                }
            }
        } onCancel: {
            gone.withLock { $0 = true }
            change { _ in }
        }
    }

    private static let interruption = ScriptedFailure("the use was interrupted")

    private func satisfiedWatchers(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        if state.watchers.isEmpty { return [] }
        let record = state.record
        var satisfied: [CheckedContinuation<Void, Never>] = []
        state.watchers.removeAll { watcher in
            if !watcher.condition(record) { return false }
            satisfied.append(watcher.continuation)
            return true
        }
        return satisfied
    }
}
