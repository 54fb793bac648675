// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import TestSupport
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct PoolsRandomTests {
    @Test("64 tasks over 1,000 tenants and 50 open pools: each row is there at the end, and no limit is exceeded")
    func storm() async throws {
        let seed = SeededGenerator.seed("PoolsRandomTests.storm")
        let (tasks, rounds) = isSanitized ? (64, 5) : (64, 20)
        try await withPools(.with(maximumOpenPools: 50)) { pools, folder in
            let written = try await withThrowingTaskGroup { group in
                for task in 0..<tasks {
                    group.addTask {
                        var random = SeededGenerator(seed: seed &+ UInt64(task))
                        var written: [String: [Int]] = [:]
                        for round in 0..<rounds {
                            let key = "tenant-\(Int.random(in: 0..<1_000, using: &random))"
                            let number = task * rounds + round
                            try await pools.withPool(key) { try await insert(number, into: $0) }
                            written[key, default: []].append(number)
                            let snapshot = pools.snapshot
                            #expect(snapshot.open + snapshot.opening + snapshot.closing <= 50, "\(snapshot)")
                        }
                        return written
                    }
                }
                return try await group.reduce(into: [String: [Int]]()) { $0.merge($1, uniquingKeysWith: +) }
            }
            let counters = pools.snapshot.counters
            #expect(counters.opened == counters.closed + pools.snapshot.open)
            #expect(counters.opened >= written.count && written.values.joined().count == tasks * rounds)
            await pools.close()
            for (key, numbers) in written {
                let connection = try SQLitePool(folder.file(key + ".sqlite"))
                #expect(try await SQLitePoolingTests.numbers(in: connection) == numbers.sorted(), "\(key)")
                await connection.close()
            }
        }
    }

    @Test("Random uses, closings, failures, cancellations and timeouts: the outcomes are those of a model")
    func walk() async throws {
        let seed = SeededGenerator.seed("PoolsRandomTests.walk")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<(isSanitized ? 3 : 8) { try await Walk(&random).run() }
    }
}

/// A walk of several tasks over few keys, so that they meet. Each key has a model: the numbers
/// that its file must contain.
private final class Walk: Sendable {
    private let folder: SampleFolder
    private let pools: SQLitePools<Int>
    private let model = Locked<[Int: Model]>([:])
    private let seed: UInt64
    private let keys: Int

    struct Model {
        var numbers: Set<Int> = []
        /// Numbers of cancelled writes, which may have been committed.
        var uncertain: Set<Int> = []
        /// The number of bodies that run.
        var users = 0
        var isHeld = false
        /// Whether the location of the key is an error.
        var isBroken = false
    }

    struct Broken: Error {}

    init(_ random: inout SeededGenerator) throws {
        let folder = try SampleFolder()
        self.folder = folder
        seed = random.next()
        keys = .random(in: 2...8, using: &random)
        let model = model
        pools = try SQLitePools(.with(maximumOpenPools: .random(in: 1...4, using: &random))) { key in
            guard !model.withLock({ $0[key]?.isBroken ?? false }) else { throw Broken() }
            return .path(folder.file("\(key)"))
        }
    }

    func run() async throws {
        try await withThrowingTaskGroup { group in
            for task in 0..<8 {
                group.addTask { [self] in
                    var random = SeededGenerator(seed: seed &+ UInt64(task))
                    for step in 0..<30 { try await self.step(task * 1_000 + step, &random) }
                }
            }
            try await group.waitForAll()
        }
        let snapshot = pools.snapshot
        #expect(snapshot.inUse == 0 && snapshot.waiting == 0 && snapshot.queued == 0, "\(seed): \(snapshot)")
        // Every key can be used at the end, and has its rows.
        for key in 0..<keys {
            model.withLock { $0[key, default: Model()].isBroken = false }
            try await check(key)
        }
        await pools.shutdown(drain: .seconds(600))
        let end = pools.snapshot
        #expect(end.open == 0 && end.closing == 0, "\(seed): \(end)")
        #expect(end.counters.opened == end.counters.closed, "\(seed): \(end)")
        #expect(try folder.names.allSatisfy { !$0.hasSuffix("-wal") }, "\(seed)")
    }

    private func step(_ number: Int, _ random: inout SeededGenerator) async throws {
        let key = Int.random(in: 0..<keys, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0...9: try await write(number, key)
        case 10...12: try await cancelledWrite(number, key, yields: .random(in: 0..<200, using: &random))
        case 13: try await impatientWrite(number, key, nanoseconds: .random(in: 0..<2_000_000, using: &random))
        case 14, 15: try await pools.close(key)
        case 16: try await replace(key)
        case 17: model.withLock { $0[key, default: Model()].isBroken.toggle() }
        default: try await check(key, mayFail: true)
        }
    }

    /// Runs `body` with a pool, and compares its users with the model.
    private func use(
        _ key: Int,
        timeout: Duration? = nil,
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        try await pools.withPool(key, timeout: timeout) { pool in
            let isHeld = model.withLock { model in
                model[key, default: Model()].users += 1
                return model[key]!.isHeld
            }
            defer { model.withLock { $0[key]!.users -= 1 } }
            #expect(!isHeld && pool.state == .accepting, "\(seed): a pool in use is open, and its file is not held")
            try await body(pool)
            #expect(pool.state == .accepting, "\(seed): a pool stays open until the end of its use")
        }
    }

    private func write(_ number: Int, _ key: Int) async throws {
        do {
            try await use(key) { pool in
                try await insert(number, into: pool)
                _ = model.withLock { $0[key]!.numbers.insert(number) }
            }
        } catch is Broken {}
    }

    private func cancelledWrite(_ number: Int, _ key: Int, yields: Int) async throws {
        _ = model.withLock { $0[key, default: Model()].uncertain.insert(number) }
        let task = Task { try await use(key) { try await insert(number, into: $0) } }
        for _ in 0..<yields { await Task.yield() }
        task.cancel()
        do { try await task.value } catch is Broken {} catch is CancellationError {}
    }

    private func impatientWrite(_ number: Int, _ key: Int, nanoseconds: Int64) async throws {
        _ = model.withLock { $0[key, default: Model()].uncertain.insert(number) }
        do {
            try await use(key, timeout: .nanoseconds(nanoseconds)) { try await insert(number, into: $0) }
        } catch is Broken {} catch let error as PoolError where error.code == .timedOut {}
    }

    /// Replaces the file by a copy, which has all rows only if the closing has written them.
    private func replace(_ key: Int) async throws {
        try await pools.whileClosed(key) {
            let users = model.withLock { model in
                model[key, default: Model()].isHeld = true
                return model[key]!.users
            }
            #expect(users == 0, "\(seed): a closed pool has no users")
            let path = folder.file("\(key)")
            if FileManager.default.fileExists(atPath: path) {
                try FileManager.default.moveItem(atPath: path, toPath: path + "-old")
                try FileManager.default.copyItem(atPath: path + "-old", toPath: path)
                try FileManager.default.removeItem(atPath: path + "-old")
            }
            model.withLock { $0[key]!.isHeld = false }
        }
    }

    private func check(_ key: Int, mayFail: Bool = false) async throws {
        do {
            try await use(key) { pool in
                let before = model.withLock { $0[key]!.numbers }
                let found = try await pool.write { db in
                    try db.execute("CREATE TABLE IF NOT EXISTS t (x)")
                    return Set(try db.query("SELECT x FROM t", as: Int.self))
                }
                let (after, uncertain) = model.withLock { ($0[key]!.numbers, $0[key]!.uncertain) }
                // Writes that run at the same time are in the file before they are in the model.
                #expect(before.isSubset(of: found), "\(seed): a row is missing in \(key)")
                if !mayFail {
                    #expect(found.isSubset(of: after.union(uncertain)), "\(seed): a row is too much in \(key)")
                }
            }
        } catch is Broken where mayFail {}
    }
}
