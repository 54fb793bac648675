// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

@testable import PostgresPooling

/// A random sequence of events of a ``ClusterWorld``, whose reports a ``ClusterTopology`` receives
/// late or not at all. After each event, the promises of the topology are checked.
struct ClusterWalk {
    enum Event: String, CaseIterable {
        case write, replay, ask, answer, read, promote, die, start, follow, pause, resume, checkpoint, cut, restore,
            replace
    }

    struct Broken: Error, CustomStringConvertible { let description: String }

    /// A probe that has not been answered.
    private struct Probe {
        let start: UInt64
        let report: ClusterTopology.Report?
        let version: Int
    }

    /// What has been reported, and nothing that was concluded.
    struct Known {
        var report: ClusterTopology.Report?
        var isReachable = false
        /// The version of the server that has reported; `nil` if it has not.
        var version: Int?
        /// The most that was read of the server's position since.
        var position: UInt64 = 0
    }

    private var dice: SeededGenerator
    var world: ClusterWorld
    var topology: ClusterTopology
    var now: UInt64 = 1_000
    private var probes: [Int: Probe] = [:]
    private(set) var known: [Known]
    /// The identifier of the cluster: that of the first primary which has reported.
    private(set) var system: String?
    /// The newest timeline that a primary of the cluster has reported.
    private(set) var newest: UInt32 = 0
    /// The servers that have reported as primaries of the cluster, if they are several.
    private var rivals: [Int] = []
    private var written: (branch: Int, position: UInt64)?
    private(set) var counts: [Event: Int] = [:]
    private var log: [String]?

    init(seed: UInt64, keepsLog: Bool = false) {
        dice = SeededGenerator(seed: seed)
        let count = Int.random(in: 2...4, using: &dice)
        world = ClusterWorld(count: count, hasArchive: Bool.random(using: &dice))
        topology = ClusterTopology(count: count)
        known = Array(repeating: Known(), count: count)
        log = keepsLog ? [] : nil
    }

    /// Runs a number of events, and then brings the cluster in order.
    mutating func run(events: Int) throws {
        do {
            for _ in 0..<events { try step(choose()) }
            try settle()
        } catch let error as Broken {
            throw Broken(description: ([error.description] + (log ?? [])).joined(separator: "\n"))
        }
    }

    // MARK: Events

    private mutating func choose() -> Event {
        let frequent: [Event] = [.write, .replay, .ask, .ask, .answer, .answer, .read]
        let repairs: [Event] = [.start, .start, .follow, .promote, .resume, .restore, .restore]
        return switch Int.random(in: 0..<10, using: &dice) {
        case 0: Event.allCases.randomElement(using: &dice)!
        case 1: repairs.randomElement(using: &dice)!
        default: frequent.randomElement(using: &dice)!
        }
    }

    private mutating func step(_ event: Event) throws {
        now += UInt64.random(in: 1...100, using: &dice)
        let index = Int.random(in: world.servers.indices, using: &dice)
        guard try happens(event, index) else { return }
        counts[event, default: 0] += 1
        log?.append("\(now) \(event) \(index): \(world.servers[index]), \(topology.role(of: index))")
        try check()
    }

    /// Makes an event happen to a server.
    ///
    /// - Returns: Whether it can.
    private mutating func happens(_ event: Event, _ index: Int) throws -> Bool {
        let server = world.servers[index]
        switch event {
        case .write:
            guard server.isUp, server.isPrimary else { return false }
            world.write(UInt64.random(in: 1...50, using: &dice), on: index, at: now)
            if topology.primary == index { written = (server.branch, world.servers[index].position) }
        case .replay: world.replay(index, part: Bool.random(using: &dice) ? 1 : Double.random(in: 0...1, using: &dice))
        case .ask:
            guard probes[index] == nil else { return false }
            probes[index] = Probe(start: now, report: world.report(of: index), version: server.version)
        case .answer:
            guard let probe = probes.removeValue(forKey: index) else { return false }
            try answer(probe, from: index)
        case .read: return try read()
        case .promote:
            guard server.isUp, !server.isPrimary else { return false }
            world.promote(index, at: now)
        case .die:
            guard server.isUp else { return false }
            world.servers[index].isUp = false
        case .start:
            guard !server.isUp else { return false }
            world.start(index, losing: UInt64.random(in: 0...30, using: &dice))
        case .follow:
            let primaries = world.servers.indices.filter { world.servers[$0].isUp && world.servers[$0].isPrimary }
            guard let source = primaries.randomElement(using: &dice), source != index else { return false }
            try follow(source, index)
        case .pause:
            guard server.isUp, !server.isPrimary, !server.isPaused else { return false }
            world.servers[index].isPaused = true
        case .resume:
            guard server.isPaused else { return false }
            world.servers[index].isPaused = false
        case .checkpoint:
            guard server.isUp, server.position >= world.branches[server.branch].start else { return false }
            world.servers[index].checkpoint = world.number(of: index)
        case .cut:
            guard !server.isCut else { return false }
            world.servers[index].isCut = true
        case .restore:
            guard server.isCut else { return false }
            world.servers[index].isCut = false
        case .replace:
            guard Int.random(in: 0..<4, using: &dice) == 0 else { return false }
            world.replace(index, isPrimary: Bool.random(using: &dice))
        }
        return true
    }

    /// Makes a server a standby of a primary: as it is, if its log permits that, or as a copy,
    /// which takes longer than the interval of the probes.
    private mutating func follow(_ source: Int, _ index: Int) throws {
        if world.contains(index, in: source), !world.servers[index].isPrimary {
            world.servers[index].upstream = source
            world.replay(index, part: 0)
        } else {
            probes[index] = nil
            try answer(Probe(start: now, report: nil, version: world.servers[index].version), from: index)
            world.copy(source, to: index, behind: UInt64.random(in: 0...30, using: &dice))
        }
    }

    private mutating func answer(_ probe: Probe, from index: Int) throws {
        let (primary, wasReachable) = (topology.primary, known[index].isReachable)
        guard let report = probe.report else {
            known[index].isReachable = false
            let changes = topology.recordFailure(of: index)
            try require(changes.contains(.unreachable(index)) == wasReachable, "a loss is announced once: \(changes)")
            try require(primary == nil || topology.primary == primary, "a primary stays until another one is promoted")
            return try checkRivals(changes)
        }
        known[index] = Known(
            report: report,
            isReachable: true,
            version: probe.version,
            position: report.position.rawValue
        )
        if report.isPrimary {
            system = system ?? report.system
            if report.system == system { newest = max(newest, report.timeline) }
        }
        let changes = topology.record(report, from: index, start: probe.start, now: now)
        try require(changes.contains(.reachable(index)) != wasReachable, "a return is announced once: \(changes)")
        let announced = changes.compactMap { change -> Int?? in
            if case .primary(let new) = change { new } else { nil }
        }
        try require((announced.last ?? primary) == topology.primary, "a new primary is announced: \(changes)")
        if let new = topology.primary, new != primary {
            try require(
                primaries(of: newest).count { known[$0].isReachable } == 1,
                "\(new) is not chosen out of several"
            )
        }
        try checkRivals(changes)
    }

    private mutating func checkRivals(_ changes: [ClusterTopology.Change]) throws {
        let all = known.indices.filter {
            known[$0].isReachable && primaries(of: known[$0].report!.timeline).contains($0)
        }
        let several = all.count > 1 ? all : []
        let isNew = !several.isEmpty && several != rivals
        try require(changes.contains(.splitBrain(several)) == isNew, "\(several) are announced: \(changes)")
        rivals = several
    }

    /// Reads what was written last from each standby that may answer.
    private mutating func read() throws -> Bool {
        guard let written, let primary = topology.primary else { return false }
        let standbys = topology.standbys(for: .preferReplica, now: now)
        for index in standbys where world.report(of: index) != nil {
            let position = world.servers[index].position
            known[index].position = max(known[index].position, position)
            topology.note(.init(rawValue: position), of: index)
            let isLost = !world.contains(
                written.branch,
                written.position,
                in: world.servers[primary].branch,
                upTo: world.servers[primary].position
            )
            guard position >= written.position, isCurrent(index), isCurrent(primary), !world.isAmbiguous, !isLost else {
                continue
            }
            let server = world.servers[index]
            let isThere = world.contains(written.branch, written.position, in: server.branch, upTo: position)
            try require(isThere || isNewer(index), "a reader sees its write")
        }
        return !standbys.isEmpty
    }

    /// Repairs everything, and checks that all servers are used again.
    private mutating func settle() throws {
        for index in world.servers.indices {
            world.servers[index].isCut = false
            if !world.servers[index].isUp { world.start(index, losing: 0) }
        }
        guard let best = world.servers.indices.first(where: { world.servers[$0].system == system ?? "a" }) else {
            return
        }
        repeat { world.promote(best, at: now) } while world.number(of: best) <= newest
        for index in world.servers.indices where index != best { world.copy(best, to: index, behind: 30) }
        for _ in 0..<2 {
            for index in world.servers.indices {
                now += 10
                world.write(1, on: best, at: now)
                world.replay(index, part: 1)
                probes[index] = nil
                _ = try happens(.ask, index)
                _ = try happens(.answer, index)
                try check()
            }
        }
        try require(topology.primary == best, "the only primary is used")
        let others = world.servers.indices.filter { $0 != best }
        try require(topology.standbys(for: .replica(), now: now) == others, "all standbys are used")
    }

    func require(_ condition: Bool, _ promise: @autoclosure () -> String) throws {
        if !condition { throw Broken(description: promise()) }
    }
}

extension ClusterWalk {
    // MARK: Promises

    /// The servers whose latest report is that of a primary of a timeline.
    func primaries(of timeline: UInt32) -> [Int] {
        known.indices.filter { index in
            guard let report = known[index].report else { return false }
            return report.isPrimary && report.system == system && report.timeline == timeline
        }
    }

    /// Whether a server has not become another one since its latest report.
    private func isCurrent(_ index: Int) -> Bool { known[index].version == world.servers[index].version }

    /// Whether a server has a timeline whose primary has not reported yet.
    private func isNewer(_ index: Int) -> Bool { world.number(of: index) > newest }

    private func check() throws {
        try checkPrimary()
        try checkPolicies()
        for index in known.indices {
            try checkRole(index)
            try checkLag(index)
        }
    }

    private func checkPrimary() throws {
        let primary = topology.primary
        let claimants = primaries(of: newest)
        if let primary {
            try require(claimants.contains(primary), "no write goes to a timeline older than \(newest): \(primary)")
        } else {
            try require(claimants.count { known[$0].isReachable } != 1, "the only primary is used: \(claimants)")
        }
        let all = known.indices.filter { topology.role(of: $0) == .primary }
        try require(all == (primary.map { [$0] } ?? []), "there is one primary: \(all)")
    }

    private func checkPolicies() throws {
        let standbys = known.indices.filter { topology.role(of: $0) == .standby && topology.servesReads($0) }
        try require(topology.standbys(for: .preferReplica, now: now) == standbys, "the standbys are \(standbys)")
        let near = standbys.filter { topology.lagBytes(of: $0).map { $0 <= 20 } ?? false }
        try require(topology.standbys(for: .replica(maximumLag: .bytes(20)), now: now) == near, "\(near) are near")
        let young = standbys.filter { topology.lagTime(of: $0, at: now).map { $0 <= 300 } ?? false }
        let policy = PostgresReadPolicy.replica(maximumLag: .time(.nanoseconds(300)))
        try require(topology.standbys(for: policy, now: now) == young, "\(young) are up to date")
    }

    private func checkRole(_ index: Int) throws {
        let serves = topology.servesReads(index)
        guard let report = known[index].report else { return try require(!serves, "\(index) is known") }
        if !known[index].isReachable { return try require(!serves, "\(index) is reachable") }
        if let system, report.system != system {
            return try require(!serves && topology.role(of: index) == .stranger, "\(index) is a stranger")
        }
        guard let primary = topology.primary else { return }
        if report.isPrimary { return try require(serves == (index == primary), "of all primaries, \(primary) is read") }
        guard isCurrent(index), isCurrent(primary), !world.isAmbiguous else { return }
        if serves {
            let isPart = world.contains(
                world.servers[index].branch,
                world.servers[index].position,
                in: world.servers[primary].branch,
                upTo: .max
            )
            try require(isPart || isNewer(index), "\(index), which serves reads, has the log of \(primary)")
        } else {
            let follows = world.servers[index].upstream == primary && report.timeline == newest
            try require(!follows, "\(index) follows \(primary), and serves reads")
        }
    }

    private func checkLag(_ index: Int) throws {
        guard let primary = topology.primary, let report = known[index].report, !report.isPrimary,
            report.system == system
        else { return }
        try require(
            topology.position(of: index)?.rawValue == known[index].position,
            "the position of \(index) is known"
        )
        if let lag = topology.lagBytes(of: index), known[primary].version != nil {
            let end = known[primary].position
            let missing = end > known[index].position ? end - known[index].position : 0
            try require(lag == missing, "\(index) lacks \(missing) bytes, not \(lag)")
        }
        guard let lag = topology.lagTime(of: index, at: now), isCurrent(index), isCurrent(primary) else { return }
        let branch = world.servers[primary].branch
        guard !isNewer(index), topology.servesReads(index), !world.isAmbiguous,
            let end = world.end(of: branch, at: now - lag)
        else { return }
        try require(world.servers[index].position >= end, "\(index) has everything older than \(lag)")
    }
}
