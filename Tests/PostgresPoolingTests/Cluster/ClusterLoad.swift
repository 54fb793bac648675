// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import Synchronization
import Testing

/// 64 tasks that use a cluster without a pause: 13 write, and 51 read.
final class ClusterLoad: Sendable {
    static let isSoak = ProcessInfo.processInfo.environment["LOCKPOOL_SOAK"] != nil

    /// The number of failovers of each kind.
    static let rounds = isSoak ? 13 : 1

    /// The time limit of each call.
    private static let timeout = Duration.seconds(300)

    private let pools: PostgresCluster
    private let acknowledged = Counted<Int>()
    private let unknown = Counted<Int>()
    private let nextID = Atomic(0)
    private let writeCount = Atomic(0)
    private let readCount = Atomic(0)
    private let isOver = Atomic(false)
    private let longest = Locked(Duration.zero)

    /// The number of acknowledged writes.
    var writes: Int { writeCount.load(ordering: .relaxed) }

    /// The number of reads that were answered.
    var reads: Int { readCount.load(ordering: .relaxed) }

    private init(_ pools: PostgresCluster) { self.pools = pools }

    /// Runs `body` while the tasks write and read, and checks that each acknowledged write is
    /// there once, and that no call has failed but writes of unknown outcome.
    static func run(on pools: PostgresCluster, _ body: (ClusterLoad) async throws -> Void) async throws {
        try await pools.execute("CREATE TABLE t (id int)")
        let load = ClusterLoad(pools)
        let tasks = (0..<64).map { number in
            Task {
                while !load.isOver.load(ordering: .relaxed) { await load.call(writes: number % 5 == 0) }
            }
        }
        let result: Result<Void, any Error>
        do {
            await load.untilMore(\.writes)
            await load.untilMore(\.reads)
            result = .success(try await body(load))
        } catch {
            result = .failure(error)
        }
        load.isOver.store(true, ordering: .relaxed)
        for task in tasks { await task.value }
        try result.get()
        let stored = try await pools.query("SELECT id FROM t", from: .primary, as: Int.self)
        let (acknowledged, unknown) = (Set(load.acknowledged.values), Set(load.unknown.values))
        #expect(Set(stored).count == stored.count, "a write was made twice")
        #expect(acknowledged.subtracting(stored).isEmpty, "an acknowledged write is lost")
        #expect(Set(stored).subtracting(acknowledged).isSubset(of: unknown), "a write was made that has failed")
        print(
            "\(load.reads) reads and \(acknowledged.count) writes, \(unknown.count) writes of unknown outcome;",
            "the longest call took \(load.longest.withLock { $0 })"
        )
    }

    /// Waits until there are a hundred more calls of a kind.
    func untilMore(_ count: KeyPath<ClusterLoad, Int>) async {
        let before = self[keyPath: count]
        await until { self[keyPath: count] > before + 100 }
    }

    private func call(writes: Bool) async {
        let start = ContinuousClock.now
        do {
            if writes { try await write() } else { try await read() }
        } catch {
            Issue.record("\(error)")
        }
        let duration = start.duration(to: .now)
        longest.withLock { $0 = max($0, duration) }
    }

    private func write() async throws {
        let id = nextID.add(1, ordering: .relaxed).newValue
        do {
            try await pools.execute("INSERT INTO t VALUES (\(id))", timeout: Self.timeout)
            acknowledged.add(id)
            writeCount.add(1, ordering: .relaxed)
        } catch let error as PostgresError where error.outcome == .unknown {
            unknown.add(id)
        }
    }

    private func read() async throws {
        let policy = PostgresReadPolicy.preferReplica
        _ = try await pools.query("SELECT id FROM t LIMIT 1", from: policy, as: Int.self, timeout: Self.timeout)
        readCount.add(1, ordering: .relaxed)
    }
}
