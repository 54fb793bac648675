// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The cost of a connection pool with leases, with many slots, and as one of many idle pools.
///
/// Rows of tasks are processor time, which a loaded machine affects less than wall time.
enum PoolScaleRows {
    struct Factory: ConnectionFactory {
        struct Connection: ~Copyable, Sendable { let number = 0 }

        func connect() async throws -> Connection { Connection() }
        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Connection) async {}
    }

    /// A lease that an array can hold.
    final class Held: Sendable {
        private let lease: ConnectionLease<Factory>
        init(_ lease: consuming ConnectionLease<Factory>) { self.lease = lease }
    }

    static func run(_ options: Options, into report: inout Report) async throws {
        if options.wants("lease") { try await leases(options, into: &report) }
        if options.wants("slots") { try await slots(options, into: &report) }
        if options.wants("idle") { try await idle(options, into: &report) }
    }

    // MARK: Leases and metrics

    private static func leases(_ options: Options, into report: inout Report) async throws {
        let count = options.isQuick ? 500_000 : 2_000_000
        let pool = try ConnectionPool(factory: Factory())
        let measured = try ConnectionPool(factory: Factory(), observers: [.metrics()])
        try await pool.withConnection { _ in }
        try await measured.withConnection { _ in }
        for round in 0..<options.rounds + 1 {
            let lent = try await processorTime(per: count) { try await lend(pool, count) }
            let leased = try await processorTime(per: count) { try await lease(pool, count) }
            let observed = try await processorTime(per: count) { try await lend(measured, count) }
            let lentByTwo = try await processorTime(per: 2 * count) { try await byTwo { try await lend(pool, count) } }
            let leasedByTwo = try await processorTime(per: 2 * count) {
                try await byTwo { try await lease(pool, count) }
            }
            if round == 0 { continue }  // warm-up
            report.add("pool.uncontended.ns", lent, "ns")
            report.add("pool.contended2.ns", lentByTwo, "ns")
            report.add("pool.lease.ns", leased, "ns")
            report.add("pool.lease.contended2.ns", leasedByTwo, "ns")
            report.add("pool.metrics.ns", observed, "ns")
        }
    }

    private static func lend(_ pool: ConnectionPool<Factory>, _ count: Int) async throws {
        for _ in 0..<count { try await pool.withConnection { _ in } }
    }

    private static func lease(_ pool: ConnectionPool<Factory>, _ count: Int) async throws {
        for _ in 0..<count { _ = try await pool.getOrCreate() }
    }

    private static func byTwo(_ work: @escaping @Sendable () async throws -> Void) async throws {
        async let one: Void = work()
        async let other: Void = work()
        _ = try await (one, other)
    }

    /// Returns the processor nanoseconds of `body` for each of its `count` turns.
    private static func processorTime(per count: Int, _ body: () async throws -> Void) async rethrows -> Double {
        let start = cpuNanoseconds()
        try await body()
        return Double(cpuNanoseconds() - start) / Double(count)
    }

    // MARK: Many slots

    private static func slots(_ options: Options, into report: inout Report) async throws {
        for _ in 0..<options.rounds {
            for count in [10, 10_000] {
                let pool = try makePool(count)
                let burst = cpuNanoseconds()
                var held = try await leaseAll(count, of: pool)
                if count == 10_000 {
                    report.add("pool.burst10000.cpums", Double(cpuNanoseconds() - burst) / 1e6, "ms")
                    let snapshot = nanoseconds(per: 20) { for _ in 0..<20 { _ = pool.snapshot } }
                    report.add("pool.snapshot10000.us", snapshot / 1e3, "µs")
                }
                held.removeLast()
                report.add("pool.wait\(count).us", try await waits(on: pool) / 1e3, "µs")
                try await report.add("pool.refused\(count).us", refusals(by: pool) / 1e3, "µs")
                held = []
                await pool.close()
            }
        }
    }

    private static func makePool(_ count: Int) throws -> ConnectionPool<Factory> {
        try ConnectionPool(
            factory: Factory(),
            configuration: .init(
                maximumConnections: count,
                maximumWaiters: max(count, 64),
                checkoutTimeout: .seconds(120)
            )
        )
    }

    /// Leases of `count` simultaneous callers.
    private static func leaseAll(_ count: Int, of pool: ConnectionPool<Factory>) async throws -> [Held] {
        try await withThrowingTaskGroup(of: Held.self) { group in
            for _ in 0..<count { group.addTask { Held(try await pool.getOrCreate()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Returns the processor nanoseconds of a checkout that waits, with one slot that tasks hand
    /// over to each other.
    private static func waits(on pool: ConnectionPool<Factory>) async throws -> Double {
        let (tasks, turns) = (16, 500)
        let (before, start) = (pool.snapshot.waitTimes.count, cpuNanoseconds())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    for _ in 0..<turns { try await pool.withConnection { _ in await Task.yield() } }
                }
            }
            try await group.waitForAll()
        }
        let spent = cpuNanoseconds() - start
        return Double(spent) / Double(max(1, pool.snapshot.waitTimes.count - before))
    }

    /// Returns the nanoseconds of a checkout that is refused because the queue is full.
    private static func refusals(by pool: ConnectionPool<Factory>) async throws -> Double {
        let last = try await pool.getOrCreate()
        let waiters = pool.configuration.maximumWaiters
        let line = (0..<waiters).map { _ in Task { try await pool.withConnection { _ in } } }
        while pool.status.waiting < waiters { await Task.yield() }
        // Enough that threads which still look for work after the line has formed count little.
        let refused = 50_000
        let result = await processorTime(per: refused) {
            for _ in 0..<refused {
                do {
                    try await pool.withConnection { _ in }
                    fatalError("a caller got a connection")
                } catch {}
            }
        }
        last.release()
        for waiter in line { try await waiter.value }
        return result
    }

    // MARK: Many pools

    private static func idle(_ options: Options, into report: inout Report) async throws {
        let count = 10_000
        var before = residentBytes()
        var pools: [ConnectionPool<Factory>] = []
        pools.reserveCapacity(count)
        for _ in 0..<count { pools.append(try ConnectionPool(factory: Factory())) }
        report.add("pool.idle.bytes", Double(residentBytes() - before) / Double(count), "bytes")
        before = residentBytes()
        for pool in pools { try await pool.withConnection { _ in } }
        // After the deadlines of the first callers, for each of which a task still sleeps.
        try await Task.sleep(for: .seconds(12))
        report.add("pool.used.bytes", Double(residentBytes() - before) / Double(count), "bytes")
        for _ in 0..<3 {
            let (wall, cpu) = (nanoseconds(), cpuNanoseconds())
            try await Task.sleep(for: .seconds(options.isQuick ? 3 : 10))
            let share = Double(cpuNanoseconds() - cpu) / Double(nanoseconds() - wall)
            report.add("pool.idle10000.cpupercent", share * 100, "%")
        }
        try await addConnections(to: pools.prefix(1_000), into: &report)
        for pool in pools { await pool.close() }
    }

    /// The memory for each connection beyond the first of a pool: nine more in each pool.
    private static func addConnections(to pools: ArraySlice<ConnectionPool<Factory>>, into report: inout Report)
        async throws
    {
        let before = residentBytes()
        for pool in pools {
            var leases: [Held] = []
            for _ in 0..<10 { leases.append(Held(try await pool.getOrCreate())) }
            leases = []
        }
        report.add("pool.connection.bytes", Double(residentBytes() - before) / Double(9 * pools.count), "bytes")
    }

    /// The resident memory of this process.
    static func residentBytes() -> Int {
        #if os(Linux)
            guard let file = fopen("/proc/self/statm", "r") else { return 0 }
            defer { fclose(file) }
            var pages = (0, 0)
            withUnsafeMutablePointer(to: &pages.0) { size in
                withUnsafeMutablePointer(to: &pages.1) { resident in
                    withVaList([size, resident]) { _ = vfscanf(file, "%ld %ld", $0) }
                }
            }
            return pages.1 * sysconf(Int32(_SC_PAGESIZE))
        #else
            return 0
        #endif
    }

    /// The number of descriptors of this process.
    static func descriptorCount() -> Int {
        guard let folder = opendir("/dev/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without this folder and the two names of folders.
        return count - 3
    }

    /// Raises the limit of the number of descriptors, if that is allowed.
    static func raiseDescriptorLimit(to count: Int) -> Bool {
        var limit = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return false }
        if limit.rlim_cur >= count { return true }
        limit.rlim_cur = rlim_t(count)
        return setrlimit(resource, &limit) == 0
    }
}
