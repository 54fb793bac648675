// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool

/// The topology of a cluster, and the callers that wait for it to change.
final class ClusterState: Sendable {
    private struct State {
        var topology: ClusterTopology
        var version = 0
        var isClosed = false
        /// The number of switch-overs that hold the writes.
        var holds = 0
        /// The number of writes that use or wait for a connection.
        var writes = 0
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0

        /// Begins a new version, and returns the callers that wait for it.
        mutating func takeWaiters() -> [Waiter] {
            version += 1
            defer { waiters.removeAll() }
            return Array(waiters.values)
        }
    }

    @safe
    private struct Waiter {
        let continuation: UnsafeContinuation<Void, Never>
        func resume() { unsafe continuation.resume() }
    }

    private let state: Locked<State>

    /// The format of the servers' logs.
    let logFormat = Locked(LogFormat())

    init(count: Int) { state = Locked(State(topology: ClusterTopology(count: count))) }

    /// The topology and its version, which ``waitForChange(since:until:)`` compares.
    func read<Result>(_ body: (ClusterTopology, Int) -> sending Result) -> sending Result {
        state.withLock { body($0.topology, $0.version) }
    }

    var primary: Int? { state.withLock { $0.topology.primary } }

    /// Begins a write, which ends with ``endWrite()``.
    ///
    /// - Returns: The primary, or `nil` if there is none or writes are held, in which case no write
    ///   has begun; and the version of the topology.
    func beginWrite() -> (primary: Int?, version: Int) {
        state.withLock { state in
            guard state.holds == 0, let primary = state.topology.primary else { return (nil, state.version) }
            state.writes += 1
            return (primary, state.version)
        }
    }

    func endWrite() {
        let waiters: [Waiter] = state.withLock { state in
            state.writes -= 1
            return state.holds > 0 && state.writes == 0 ? state.takeWaiters() : []
        }
        for waiter in waiters { waiter.resume() }
    }

    func holdWrites() { state.withLock { $0.holds += 1 } }

    func releaseWrites() {
        let waiters = state.withLock { state in
            state.holds -= 1
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// The number of writes that use or wait for a connection, and the version of the topology.
    var writes: (count: Int, version: Int) { state.withLock { ($0.writes, $0.version) } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Changes the topology, and wakes the callers that wait for a change.
    func update(_ body: (inout ClusterTopology) -> [ClusterTopology.Change]) -> [ClusterTopology.Change] {
        let (changes, waiters): ([ClusterTopology.Change], [Waiter]) = state.withLock { state in
            let changes = body(&state.topology)
            return (changes, state.takeWaiters())
        }
        for waiter in waiters { waiter.resume() }
        return changes
    }

    /// Records what a standby has replayed, as a read has found it.
    func note(_ position: PostgresPosition, of index: Int) {
        state.withLock { $0.topology.note(position, of: index) }
    }

    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Suspends until the topology has been updated since a version, the deadline has passed, or
    /// the task is cancelled.
    func waitForChange(since version: Int, until deadline: UInt64) async {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let timer = Task.detached { [self] in
            try? await Task.sleep(for: MonotonicClock.duration(until: deadline))
            end(number)
        }
        await unsafe withCancellableContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let waiter = unsafe Waiter(continuation: continuation)
            let isOver = state.withLock { state in
                if state.version != version || state.isClosed || Task.isCancelled { return true }
                state.waiters[number] = waiter
                return false
            }
            if isOver || MonotonicClock.now >= deadline { end(number, waiter, isOver) }
        } onCancel: {
            end(number)
        }
        timer.cancel()
    }

    private func end(_ number: Int) { state.withLock { $0.waiters.removeValue(forKey: number) }?.resume() }

    private func end(_ number: Int, _ waiter: Waiter, _ isUnregistered: Bool) {
        if isUnregistered { waiter.resume() } else { end(number) }
    }
}
