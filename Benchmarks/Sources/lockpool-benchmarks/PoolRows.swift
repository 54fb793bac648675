// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import LockPool
import Synchronization

/// The connection pool on a factory without I/O, beside the core beneath it.
enum PoolRows {
    struct Factory: ConnectionFactory {
        struct Connection: ~Copyable, Sendable { let number = 0 }

        func connect() async throws -> Connection { Connection() }
        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Connection) async {}
    }

    static func run(_ options: Options, into report: inout Report) async throws {
        // First, because they count the processor time of the whole process: after a saturated
        // pool, the idle threads of libdispatch spin for ten seconds.
        if options.wants("deadlines") { try await DeadlineRows.run(options, into: &report) }
        if options.wants("uncontended") { try await uncontended(options, into: &report) }
        if options.wants("saturated") { try await saturated(options, into: &report) }
        try await PoolScaleRows.run(options, into: &report)
        if options.part == nil { try await AllocationRows.run("pool", into: &report) }
    }

    private static func uncontended(_ options: Options, into report: inout Report) async throws {
        let count = options.isQuick ? 1_000_000 : 5_000_000
        let core = LockPool(count: 8, maximumWaiters: 64) { _ in UInt(0) }
        let pool = try ConnectionPool(factory: Factory())
        try await pool.withConnection { _ in }
        for round in 0..<options.rounds + 1 {
            let clock = nanoseconds(per: count) { for _ in 0..<count { _ = nanoseconds() } }
            let get = await nanoseconds(per: count) { await CoreRows.getAndReturn(core, count) }
            let lend = try await nanoseconds(per: count) {
                for _ in 0..<count { try await pool.withConnection { _ in } }
            }
            let main = try await onMainActor(pool, count)
            if round == 0 { continue }  // warm-up
            report.add("core.clock.ns", clock, "ns")
            report.add("core.uncontended.get.ns", get, "ns")
            report.add("pool.uncontended.ns", lend, "ns")
            report.add("pool.mainactor.ns", main, "ns")
        }
    }

    private static func saturated(_ options: Options, into report: inout Report) async throws {
        // Measured alternately and briefly, because the distance of the two processors changes:
        // each turn of the pool is compared with the adjacent turn of the core.
        for _ in 0..<options.rounds * 2 {
            let own = await SaturationRows.saturate(tasks: 64, seconds: 2, measuresWaits: false)
            report.add("core.saturated64.mops", own.operationsPerSecond / 1e6, "M/s")
            report.add("core.saturated64.spread", own.spread, "most/fewest")
            let managed = try await saturate(seconds: 2)
            report.add("pool.saturated64.mops", managed.mops, "M/s")
            report.add("pool.saturated64.percore", managed.mops * 1e6 / own.operationsPerSecond, "× core's")
            report.add("pool.saturated64.spread", managed.spread, "most/fewest")
        }
    }

    @MainActor
    static func onMainActor(_ pool: ConnectionPool<Factory>, _ count: Int) async throws -> Double {
        let start = nanoseconds()
        for _ in 0..<count { try await pool.withConnection { _ in } }
        return Double(nanoseconds() - start) / Double(count)
    }

    static func saturate(seconds: Double) async throws -> (mops: Double, spread: Double) {
        let pool = try ConnectionPool(factory: Factory(), configuration: .init(maximumConnections: 4))
        let (turns, elapsed) = await SaturationRows.race(tasks: 64, seconds: seconds) { _, isOver in
            var turns = 0
            while !isOver() {
                do {
                    try await pool.withConnection { _ in await Task.yield() }
                } catch {
                    fatalError("\(error)")
                }
                turns += 1
            }
            return turns
        }
        return (Double(turns.reduce(0, +)) / elapsed * 1e3, Double(turns.max()!) / Double(turns.min()!))
    }
}
