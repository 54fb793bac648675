// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool

/// The servers and the topology of a cluster, and the callers that wait for a change.
final class ClusterState: Sendable {
    struct State {
        var topology = ClusterTopology(count: 0)
        /// The servers at their indices in the topology; `nil` in the place of a removed one.
        var servers: [ClusterServer?] = []
        /// The standbys that may answer reads whose policy limits no lag, of this version.
        var readers: [ClusterServer] = []
        var version = 0
        var isClosed = false
        /// The number of switch-overs that hold the writes.
        var holds = 0
        /// The number of writes that use or wait for a connection.
        var writes = 0
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        /// The events that have not been delivered.
        var events: [PostgresCluster.Event] = []
        var isDelivering = false

        var primary: ClusterServer? { topology.primary.flatMap { servers[$0] } }

        /// Begins a new version, and returns the callers that wait for it.
        mutating func takeWaiters() -> [Waiter] {
            version += 1
            readers = topology.standbys(for: .replica(), now: 0).compactMap { servers[$0] }
            defer { waiters.removeAll() }
            return Array(waiters.values)
        }

        func isMember(_ server: ClusterServer) -> Bool {
            server.index < servers.count && servers[server.index] === server
        }

        /// Changes the topology, and records the events.
        ///
        /// - Returns: What has changed.
        mutating func change(_ body: (inout ClusterTopology) -> [ClusterTopology.Change]) -> [ClusterTopology.Change] {
            let (roles, before) = (topology.roles, topology.primary)
            let changes = body(&topology)
            for (index, server) in servers.enumerated() {
                guard let server, roles[index] != topology.role(of: index) else { continue }
                events.append(.roleChanged(server.name, from: roles[index], to: topology.role(of: index)))
            }
            for change in changes { events.append(contentsOf: event(change, before)) }
            return changes
        }

        private func event(_ change: ClusterTopology.Change, _ before: Int?) -> [PostgresCluster.Event] {
            func name(_ index: Int) -> String? { servers[index]?.name }
            return switch change {
            case .primary(let index): [.primaryChanged(from: before.flatMap(name), to: index.flatMap(name))]
            case .splitBrain(let indices): [.splitBrain(indices.compactMap(name))]
            case .reachable(let index): name(index).map { [.serverReached($0)] } ?? []
            case .unreachable(let index): name(index).map { [.serverLost($0)] } ?? []
            case .stranger(let index): name(index).map { [.strangerFound($0)] } ?? []
            }
        }
    }

    @safe
    struct Waiter {
        let continuation: UnsafeContinuation<Void, Never>
        func resume() { unsafe continuation.resume() }
    }

    private let state = Locked(State())

    /// The format of the servers' logs.
    let logFormat = Locked(LogFormat())

    // MARK: Members

    /// The servers, in the order in which they joined.
    var servers: [ClusterServer] { state.withLock { $0.servers.compactMap(\.self) } }

    /// The index for another server. Only one is added at a time.
    var vacantIndex: Int { state.withLock { $0.servers.firstIndex { $0 == nil } ?? $0.servers.count } }

    /// Adds a server.
    ///
    /// - Returns: Whether it was added: the state is not closed.
    func add(_ server: ClusterServer) -> Bool {
        let waiters: [Waiter]? = state.withLock { state in
            if state.isClosed { return nil }
            state.topology.insert(at: server.index)
            if server.index == state.servers.count {
                state.servers.append(server)
            } else {
                state.servers[server.index] = server
            }
            return state.takeWaiters()
        }
        guard let waiters else { return false }
        for waiter in waiters { waiter.resume() }
        return true
    }

    /// Removes a server, of whose later reports nothing is recorded.
    func remove(_ server: ClusterServer) {
        let waiters: [Waiter] = state.withLock { state in
            guard state.isMember(server) else { return [] }
            _ = state.change { $0.remove(server.index) }
            state.servers[server.index] = nil
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Topology

    /// Chooses a server for a read.
    ///
    /// - Returns: The server, and the version of the topology.
    func choose(
        for search: ReaderSearch,
        at now: UInt64,
        random: UInt64
    ) -> ((server: ClusterServer, isPrimary: Bool)?, version: Int) {
        state.withLock { ($0.choose(for: search, at: now, random: random), $0.version) }
    }

    /// The topology, the servers at their indices in it, and its version, which
    /// ``waitForChange(since:until:)`` compares.
    func read<Result>(_ body: (ClusterTopology, [ClusterServer?], Int) -> sending Result) -> sending Result {
        state.withLock { body($0.topology, $0.servers, $0.version) }
    }

    /// The primary.
    var primary: ClusterServer? { state.withLock { $0.primary } }

    /// Changes the topology by a report of a server, and wakes the callers that wait for a change.
    ///
    /// - Returns: What has changed, nothing if the server is no member, and the primary before.
    func update(
        _ server: ClusterServer,
        _ body: (inout ClusterTopology) -> [ClusterTopology.Change]
    ) -> (changes: [ClusterTopology.Change], before: ClusterServer?) {
        let (changes, before, waiters): ([ClusterTopology.Change], ClusterServer?, [Waiter]) = state.withLock { state in
            guard state.isMember(server) else { return ([], nil, []) }
            let before = state.primary
            return (state.change(body), before, state.takeWaiters())
        }
        for waiter in waiters { waiter.resume() }
        return (changes, before)
    }

    /// Records what a standby has replayed, as a read has found it.
    func note(_ position: PostgresLSN, of server: ClusterServer) {
        state.withLock { state in
            if state.isMember(server) { state.topology.note(position, of: server.index) }
        }
    }

    // MARK: Events

    func record(_ event: PostgresCluster.Event) { state.withLock { $0.events.append(event) } }

    /// Passes the events to `body`, in their order. Returns at once if another thread does so.
    func deliverEvents(_ body: (PostgresCluster.Event) -> Void) {
        let isFirst = state.withLock { state in
            defer { state.isDelivering = true }
            return !state.isDelivering
        }
        while isFirst {
            let events = state.withLock { state in
                defer { state.events = [] }
                state.isDelivering = !state.events.isEmpty
                return state.events
            }
            if events.isEmpty { return }
            for event in events { body(event) }
        }
    }

    // MARK: Writes

    /// Begins a write, which ends with ``endWrite()``.
    ///
    /// - Returns: The primary, or `nil` if there is none or writes are held, in which case no
    ///   write has begun; and the version of the topology.
    func beginWrite() -> (primary: ClusterServer?, version: Int) {
        state.withLock { state in
            guard state.holds == 0, let primary = state.primary else {
                return (nil, state.version)
            }
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

    // MARK: Waiting

    var isClosed: Bool { state.withLock { $0.isClosed } }

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
