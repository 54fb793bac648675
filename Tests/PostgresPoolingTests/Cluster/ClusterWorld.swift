// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@testable import PostgresPooling

/// The servers of a cluster as they are, of which a ``ClusterTopology`` only has reports.
///
/// Follows the rules of PostgreSQL: a promotion begins a branch of the log, and a standby receives
/// from a primary whose log contains the standby's.
struct ClusterWorld {
    /// A part of the log, from a promotion on.
    struct Branch {
        let number: UInt32
        /// The branch that it begins in, and the position of its beginning there.
        let parent: Int?
        let start: UInt64
        /// The ends of the log, and the instants at which they were written.
        var growth: [(instant: UInt64, end: UInt64)]
    }

    struct Server {
        var isPrimary = false
        var branch = 0
        var position: UInt64 = 100
        /// The server that a standby receives from.
        var upstream: Int? = 0
        var isUp = true
        /// Whether the pool cannot reach it.
        var isCut = false
        var isPaused = false
        /// The timeline of the latest checkpoint, which a standby reports while it does not
        /// receive.
        var checkpoint: UInt32 = 1
        var system = "a"
        /// How often the server has become another one: by a promotion, a copy or a restart.
        var version = 0
    }

    private(set) var branches: [Branch]
    var servers: [Server]

    /// Whether servers know the timelines of one another, so that no two have the same number.
    let hasArchive: Bool

    init(count: Int, hasArchive: Bool) {
        self.hasArchive = hasArchive
        branches = [Branch(number: 1, parent: nil, start: 0, growth: [(0, 100)])]
        servers = Array(repeating: Server(), count: count)
        servers[0].isPrimary = true
        servers[0].upstream = nil
    }

    /// Whether two branches have one number, so that no report tells their servers apart.
    var isAmbiguous: Bool {
        let own = branches.filter { $0.number == 1 || $0.parent != nil }
        return Set(own.map(\.number)).count < own.count
    }

    func number(of index: Int) -> UInt32 { branches[servers[index].branch].number }

    /// Whether a log of one branch up to a position is part of the log of another.
    func contains(_ branch: Int, _ position: UInt64, in other: Int, upTo end: UInt64) -> Bool {
        var (current, end) = (other, end)
        while current != branch {
            guard let parent = branches[current].parent else { return false }
            (current, end) = (parent, min(end, branches[current].start))
        }
        return position <= end
    }

    /// Whether the log of a server contains that of another.
    func contains(_ index: Int, in other: Int) -> Bool {
        let (one, other) = (servers[index], servers[other])
        return one.system == other.system
            && contains(one.branch, one.position, in: other.branch, upTo: other.position)
    }

    /// Whether a standby receives the log of a primary.
    func isReceiving(_ index: Int) -> Bool {
        guard servers[index].isUp, let upstream = servers[index].upstream, servers[upstream].isUp else { return false }
        return servers[upstream].isPrimary && contains(index, in: upstream)
    }

    /// The end of the log of a branch at an instant; `nil` before its beginning.
    func end(of branch: Int, at instant: UInt64) -> UInt64? {
        branches[branch].growth.last { $0.instant <= instant }?.end
    }

    // MARK: Events

    mutating func write(_ bytes: UInt64, on index: Int, at now: UInt64) {
        servers[index].position += bytes
        branches[servers[index].branch].growth.append((now, servers[index].position))
    }

    /// Makes a standby receive, and replay up to a part of what it lacks.
    mutating func replay(_ index: Int, part: Double) {
        guard isReceiving(index), let upstream = servers[index].upstream else { return }
        servers[index].branch = servers[upstream].branch
        if servers[index].isPaused { return }
        let missing = servers[upstream].position - servers[index].position
        servers[index].position += UInt64((Double(missing) * part).rounded())
    }

    /// The branch that a position is in, for a server that receives a branch and is not there yet.
    private func origin(_ branch: Int, _ position: UInt64) -> Int {
        guard position < branches[branch].start, let parent = branches[branch].parent else { return branch }
        return origin(parent, position)
    }

    mutating func promote(_ index: Int, at now: UInt64) {
        let start = servers[index].position
        let known = hasArchive ? branches.map(\.number).max()! : number(of: index)
        let parent = origin(servers[index].branch, start)
        branches.append(Branch(number: known + 1, parent: parent, start: start, growth: [(now, start)]))
        servers[index].branch = branches.count - 1
        servers[index].isPrimary = true
        servers[index].isPaused = false
        servers[index].upstream = nil
        servers[index].checkpoint = known + 1
        servers[index].version += 1
    }

    /// Starts a server as what it was. A standby has replayed less than before if it had not
    /// written everything to its files.
    mutating func start(_ index: Int, losing bytes: UInt64) {
        servers[index].isUp = true
        servers[index].isPaused = false
        servers[index].version += 1
        if servers[index].isPrimary { return }
        let start = branches[servers[index].branch].start
        servers[index].position -= min(bytes, servers[index].position - min(start, servers[index].position))
    }

    /// Makes a server a copy of a primary that is behind it.
    mutating func copy(_ source: Int, to index: Int, behind bytes: UInt64) {
        let (branch, position) = (servers[source].branch, servers[source].position)
        let isCut = servers[index].isCut
        servers[index] = Server(
            branch: branch,
            position: position - min(bytes, position - min(branches[branch].start, position)),
            upstream: source,
            isCut: isCut,
            checkpoint: branches[branch].number,
            system: servers[source].system,
            version: servers[index].version + 1
        )
    }

    /// Puts a server of another cluster in place of one.
    mutating func replace(_ index: Int, isPrimary: Bool) {
        let (isCut, version) = (servers[index].isCut, servers[index].version)
        branches.append(Branch(number: 9, parent: nil, start: 0, growth: [(0, 5_000)]))
        servers[index] = Server(
            isPrimary: isPrimary,
            branch: branches.count - 1,
            position: 5_000,
            upstream: nil,
            isCut: isCut,
            checkpoint: 9,
            system: "stranger \(branches.count)",
            version: version + 1
        )
    }

    // MARK: Reports

    /// What a server answers to a probe; `nil` if it does not.
    func report(of index: Int) -> ClusterTopology.Report? {
        let server = servers[index]
        guard server.isUp, !server.isCut else { return nil }
        let isKnown = server.isPrimary || isReceiving(index)
        return ClusterTopology.Report(
            isPrimary: server.isPrimary,
            timeline: isKnown ? max(number(of: index), server.checkpoint) : server.checkpoint,
            position: .init(rawValue: server.position),
            system: server.system
        )
    }
}
