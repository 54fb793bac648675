// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What is known of the servers of a cluster, and what follows from it.
///
/// A value without clocks, connections or tasks, so that a model can check it.
struct ClusterTopology: Sendable {
    /// What a server reports.
    struct Report: Hashable, Sendable {
        var isPrimary: Bool
        /// The number of the history of the log; a promotion begins a new one. 0 for a standby
        /// that may not tell it.
        var timeline: UInt32
        /// The end of the log on a primary; what a standby has replayed.
        var position: PostgresLSN
        /// The identifier of the database cluster, which a primary and its standbys share; `nil`
        /// if the server may not tell it.
        var system: String?

        /// Returns the report with the timeline of an earlier one, if the standby has only become
        /// unable to tell it: while it does not receive, it reports that of its latest checkpoint.
        func continuing(_ earlier: Report?) -> Report {
            guard let earlier, !isPrimary, !earlier.isPrimary, earlier.timeline > timeline,
                earlier.position <= position, earlier.system == system
            else { return self }
            var report = self
            report.timeline = earlier.timeline
            return report
        }
    }

    typealias Role = PostgresCluster.ServerStatus.Role

    /// A change that observers are notified of.
    enum Change: Hashable, Sendable {
        /// The server for writes; `nil` if there is none.
        case primary(Int?)
        /// Several servers accept writes. Only those of the newest timeline are correct, and if
        /// there are several of these, only the one that was known first.
        case splitBrain([Int])
        case reachable(Int)
        case unreachable(Int)
        case stranger(Int)
    }

    struct Server: Sendable {
        var report: Report?
        var isReachable = false
        /// The latest instant at which the server has answered, in nanoseconds.
        var answeredAt: UInt64 = 0
    }

    private(set) var servers: [Server]

    /// The server for writes. It stays so while it is unreachable and no other one takes its
    /// place.
    private(set) var primary: Int?

    /// The newest timeline of a primary that has ever been reported.
    private(set) var newestTimeline: UInt32 = 0

    private var system: String?

    /// Positions of the primary and the instants at which they were read, oldest first.
    private var history: [(instant: UInt64, position: PostgresLSN)] = []

    private var splitBrain: [Int] = []

    init(count: Int) { servers = Array(repeating: Server(), count: count) }

    // MARK: Members

    /// Adds a server, of which nothing is known, in the place of a removed one or behind the
    /// others.
    mutating func insert(at index: Int) {
        if index == servers.count { servers.append(Server()) } else { servers[index] = Server() }
    }

    /// Forgets a server.
    ///
    /// - Returns: What has changed.
    mutating func remove(_ index: Int) -> [Change] {
        servers[index] = Server()
        return (primary == index ? setPrimary(nil) : []) + choosePrimary()
    }

    // MARK: Observations

    /// Records a report that was requested at `start` and arrived at `now`.
    ///
    /// - Returns: What has changed.
    mutating func record(_ report: Report, from index: Int, start: UInt64, now: UInt64) -> [Change] {
        var changes: [Change] = []
        let wasStranger = role(of: index) == .stranger
        if !servers[index].isReachable { changes.append(.reachable(index)) }
        // A server that was away may be a copy of another one by now.
        servers[index].report = servers[index].isReachable ? report.continuing(servers[index].report) : report
        servers[index].isReachable = true
        servers[index].answeredAt = now
        if system == nil, report.isPrimary { system = report.system }
        if isStranger(report), !wasStranger { changes.append(.stranger(index)) }
        changes += choosePrimary()
        if primary == index { remember(report.position, at: start) }
        return changes
    }

    /// Records what a standby has replayed, if that is more than was known.
    mutating func note(_ position: PostgresLSN, of index: Int) {
        guard let report = servers[index].report, !report.isPrimary, report.position < position else { return }
        servers[index].report!.position = position
    }

    /// Records that a server has not answered.
    mutating func recordFailure(of index: Int) -> [Change] {
        guard servers[index].isReachable else { return [] }
        servers[index].isReachable = false
        return [.unreachable(index)] + choosePrimary()
    }

    // MARK: Conclusions

    func role(of index: Int) -> Role {
        guard let report = servers[index].report else { return .unknown }
        if isStranger(report) { return .stranger }
        if report.isPrimary { return primary == index ? .primary : .stalePrimary }
        return servers[index].isReachable ? .standby : .unknown
    }

    var roles: [Role] { servers.indices.map { role(of: $0) } }

    /// The position up to which a server has the log, as far as is known.
    func position(of index: Int) -> PostgresLSN? { servers[index].report?.position }

    /// The number of bytes that a standby is behind the latest known position of the primary.
    func lagBytes(of index: Int) -> UInt64? {
        guard let position = position(of: index), let end = history.last?.position else { return nil }
        return end > position ? end.rawValue - position.rawValue : 0
    }

    /// The time, in nanoseconds, for which a standby may lack a change of the primary: the age of
    /// the latest position of the primary that the standby has replayed. Only one clock is used,
    /// this program's. `nil` if the standby has replayed none that is known.
    func lagTime(of index: Int, at now: UInt64) -> UInt64? {
        guard let position = position(of: index) else { return nil }
        // A standby that has everything is as old as the latest report of the primary.
        return history.last { $0.position <= position }.map { now > $0.instant ? now - $0.instant : 0 }
    }

    /// Whether a server may answer reads: a standby of the current primary's log, or the primary.
    ///
    /// A standby that follows an old primary keeps the old timeline.
    func servesReads(_ index: Int) -> Bool {
        guard servers[index].isReachable else { return false }
        switch role(of: index) {
        case .primary: return true
        case .standby: return servers[index].report!.timeline >= newestTimeline || primary == nil
        case .stalePrimary, .unknown, .stranger: return false
        }
    }

    private func isStranger(_ report: Report) -> Bool {
        guard let system, let other = report.system else { return false }
        return system != other
    }

    private mutating func choosePrimary() -> [Change] {
        let claimants = servers.indices.filter { index in
            guard let report = servers[index].report, report.isPrimary, !isStranger(report) else { return false }
            return servers[index].isReachable || index == primary
        }
        newestTimeline = max(newestTimeline, claimants.map { servers[$0].report!.timeline }.max() ?? 0)
        var changes: [Change] = []
        let reachable = claimants.filter { servers[$0].isReachable }
        if reachable.count > 1, reachable != splitBrain { changes.append(.splitBrain(reachable)) }
        splitBrain = reachable.count > 1 ? reachable : []
        let newest = claimants.filter { servers[$0].report!.timeline == newestTimeline }
        if let primary, newest.contains(primary) { return changes }
        // Two that were promoted independently: neither is known to be the right one.
        return changes + setPrimary(newest.count == 1 ? newest[0] : nil)
    }

    private mutating func setPrimary(_ index: Int?) -> [Change] {
        if primary == index { return [] }
        primary = index
        history.removeAll(keepingCapacity: true)
        return [.primary(index)]
    }

    /// The number of positions to remember. At an interval of a second they cover a minute.
    private static var historyLength: Int { 64 }

    private mutating func remember(_ position: PostgresLSN, at instant: UInt64) {
        // A primary that changes nothing: the later instant says more.
        if history.last?.position == position, history.count > 1, history[history.count - 2].position == position {
            history[history.count - 1].instant = instant
            return
        }
        history.append((instant, position))
        if history.count > Self.historyLength { history.removeFirst() }
    }
}
