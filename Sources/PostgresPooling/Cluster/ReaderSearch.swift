// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The search of a read for a server.
struct ReaderSearch {
    let policy: PostgresReadPolicy
    let position: PostgresLSN?

    /// The end of the search.
    private let deadline: UInt64

    /// The instant from which on the fallback applies to a read with a position.
    let endOfPosition: UInt64

    /// The servers that have failed, or are behind, in this round.
    var tried: Set<Int> = []

    /// Whether some of these are behind.
    var foundBehind = false

    /// The pause after a round: those behind a position are asked less and less often.
    private var pause: UInt64 = 5_000_000
    private static let longestPause: UInt64 = 80_000_000

    var needsPosition: Bool { position != nil }

    init(_ policy: PostgresReadPolicy, after position: PostgresLSN?, since start: UInt64, deadline: UInt64) {
        self.policy = policy
        self.position = position
        self.deadline = deadline
        if position == nil {
            endOfPosition = start
        } else if let timeout = policy.positionTimeout {
            endOfPosition = min(deadline, MonotonicClock.deadline(timeout, after: start))
        } else {
            endOfPosition = policy.fallback == .wait ? deadline : start
        }
    }

    /// Whether the search ends without another round.
    ///
    /// - Parameters:
    ///   - now: The instant.
    ///   - failed: Whether a server has failed just now, after which another one may be left.
    func isOver(at now: UInt64, failed: Bool) -> Bool {
        if now >= deadline { return true }
        if failed { return false }
        if foundBehind, now < endOfPosition { return false }
        return policy.fallback == .fail || foundBehind && policy.positionTimeout != nil && policy.fallback == .wait
    }

    /// Begins a round with all servers.
    ///
    /// - Returns: The instant at which it begins, if nothing changes before.
    mutating func nextRound(at now: UInt64) -> UInt64 {
        let isBehind = foundBehind
        tried = []
        foundBehind = false
        defer { pause = min(pause * 2, Self.longestPause) }
        let end = isBehind && now < endOfPosition ? min(deadline, endOfPosition) : deadline
        return min(end, now &+ (isBehind ? pause : 50_000_000))
    }
}

extension ClusterState.State {
    /// Chooses a server: of two random ones that qualify, the one whose reads take less time.
    ///
    /// - Parameters:
    ///   - search: The search.
    ///   - now: The instant.
    ///   - random: A random number.
    /// - Complexity: O(*n*) in the number of standbys, without an allocation.
    func choose(
        for search: ReaderSearch,
        at now: UInt64,
        random: UInt64
    ) -> (server: ClusterServer, isPrimary: Bool)? {
        func primary() -> (server: ClusterServer, isPrimary: Bool)? {
            guard let index = topology.primary, !search.tried.contains(index) else { return nil }
            return servers[index].map { ($0, true) }
        }
        let policy = search.policy
        if policy.servers == .primary { return primary() }
        func qualifies(_ server: ClusterServer, _ position: PostgresLSN?) -> Bool {
            guard server.rotation.admits(at: now), search.tried.isEmpty || !search.tried.contains(server.index),
                policy.maximumLag == nil || topology.obstacle(of: server.index, for: policy, now: now) == nil
            else { return false }
            guard let position else { return true }
            return topology.position(of: server.index).map { $0 >= position } ?? false
        }
        // Those that are known to be behind may have come up since.
        var known = search.position
        var count = readers.count { qualifies($0, known) }
        if count == 0, known != nil {
            known = nil
            count = readers.count { qualifies($0, nil) }
        }
        guard count > 0 else {
            let waits = search.foundBehind && now < search.endOfPosition
            return policy.fallback == .primary && !waits ? primary() : nil
        }
        // A server may leave the rotation between the two passes, without a lock.
        func candidate(_ random: UInt32) -> ClusterServer? {
            var rest = Int(random) % count
            for server in readers where qualifies(server, known) {
                if rest == 0 { return server }
                rest -= 1
            }
            return nil
        }
        guard let first = candidate(UInt32(truncatingIfNeeded: random)) else { return nil }
        if count == 1 { return (first, false) }
        guard let second = candidate(UInt32(truncatingIfNeeded: random >> 32)) else { return (first, false) }
        return (first.cost <= second.cost ? first : second, false)
    }
}

extension ClusterServer {
    /// The expected duration of another read, in units that all servers share.
    var cost: UInt64 {
        UInt64(readsInProgress.load(ordering: .relaxed) + 1) &* latency.load(ordering: .relaxed)
    }
}

/// Random numbers without a system call: SplitMix64, by Sebastiano Vigna.
struct RandomNumbers: ~Copyable, Sendable {
    private let state: Atomic<UInt64>

    init(seed: UInt64 = .random(in: .min ... .max)) { state = Atomic(seed) }

    func next() -> UInt64 {
        var number = state.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        number = (number ^ (number >> 30)) &* 0xbf58_476d_1ce4_e5b9
        number = (number ^ (number >> 27)) &* 0x94d0_49bb_1331_11eb
        return number ^ (number >> 31)
    }
}
