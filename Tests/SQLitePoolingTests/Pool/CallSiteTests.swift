// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

@testable import SQLitePooling

/// The call sites that leases of a ``SQLitePool`` record.
@Suite(.timeLimit(.minutes(10))) struct CallSiteTests {
    private final class Recorder: PoolObserver {
        let leaks = Mutex<[String]>([])

        func observe(_ event: PoolEvent, in pool: String) {
            if case .leaked(let place, _) = event { leaks.withLock { $0.append(place) } }
        }
    }

    private func site(_ line: UInt) -> String { "SQLitePoolingTests/CallSiteTests.swift:\(line)" }

    /// Returns the call sites of the leased reader and writer.
    private func leased(_ pool: SQLitePool) -> [String?] {
        [pool.readers.snapshot.oldestLease?.callSite, pool.writer.snapshot.oldestLease?.callSite]
    }

    @Test(
        "A lease records the line of its call, whether it found an idle connection or waited",
        arguments: [1, 16]
    )
    func bodies(group: Int) async throws {
        let configuration = SQLiteConfiguration.with(maximumReaders: 1, maximumWritesPerCommit: group)
        try await withPool(configuration) { pool in
            for _ in 0..<2 {
                var line: UInt = #line + 1
                var sites = try await pool.read { [self] _ in leased(pool) }
                #expect(sites[0] == site(line))
                line = #line + 1
                sites = try await pool.write { [self] _ in leased(pool) }
                #expect(sites[1] == site(line))
                line = #line + 1
                sites = try await pool.writeWithoutTransaction { [self] _ in leased(pool) }
                #expect(sites[1] == site(line))
                line = #line + 1
                sites = try await pool.readBlockingCooperativeThread { _ in leased(pool) }
                #expect(sites[0] == site(line))
                line = #line + 1
                sites = try await pool.writeBlockingCooperativeThread { [self] _ in leased(pool) }
                #expect(sites[1] == site(line))
                line = #line + 1
                let both = try await pool.write { _ in
                } thenRead: { [self] _ in
                    leased(pool)
                }
                #expect(both.read[0] == site(line))
            }
        }
    }

    @Test(
        "A lease of a blocking call records its line, whether it found an idle connection or waited",
        arguments: [1, 16]
    )
    func blocking(group: Int) async throws {
        let configuration = SQLiteConfiguration.with(maximumReaders: 1, maximumWritesPerCommit: group)
        try await withPool(configuration) { pool in
            for _ in 0..<2 {
                var line: UInt = #line + 1
                var sites = try await onThread { try pool.readBlocking { [self] _ in leased(pool) } }
                #expect(sites[0] == site(line))
                line = #line + 1
                sites = try await onThread { try pool.writeBlocking { [self] _ in leased(pool) } }
                #expect(sites[1] == site(line))
            }
        }
    }

    /// Returns the call site of a call's lease, and cancels the call, which does not end by
    /// itself.
    private func site(
        of call: @escaping @Sendable (SQLitePool) async throws -> Void,
        _ pool: SQLitePool,
        isWrite: Bool = false
    ) async -> String? {
        let task = Task { try await call(pool) }
        var site: String?
        while site == nil, !Task.isCancelled {
            await Task.yield()
            site = leased(pool)[isWrite ? 1 : 0]
        }
        task.cancel()
        _ = await task.result
        await expectNoLeases(pool)
        return site
    }

    @Test("The lease of a statement records the line of its call")
    func statements() async throws {
        struct Row: Decodable, Sendable { let x: Int }
        let endless: SQLiteQuery =
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0"
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            var line: UInt = #line + 1
            #expect(await site(of: { _ = try await $0.query(endless, as: Int.self) }, pool) == site(line))
            line = #line + 1
            #expect(await site(of: { _ = try await $0.query(endless, as: (Int).self) }, pool) == site(line))
            line = #line + 1
            #expect(await site(of: { _ = try await $0.queryFirst(endless, as: Int.self) }, pool) == site(line))
            line = #line + 1
            #expect(await site(of: { _ = try await $0.query(endless, decoding: Row.self) }, pool) == site(line))
            line = #line + 1
            #expect(await site(of: { _ = try await $0.queryFirst(endless, decoding: Row.self) }, pool) == site(line))
            let insertion: SQLiteQuery = "INSERT INTO t \(sql: endless)"
            line = #line + 1
            #expect(await site(of: { try await $0.execute(insertion) }, pool, isWrite: true) == site(line))
        }
    }

    @Test("The lease of a backup records the line of its call")
    func backup() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1), in: folder) { pool in
            let found = Found()
            let line: UInt = #line + 1
            try await pool.backUp(to: folder.file("copy")) { [self] _ in found.site.withLock { $0 = leased(pool)[0] } }
            #expect(found.site.withLock { $0 } == site(line))
        }
    }

    private final class Found: Sendable {
        let site = Mutex<String?>(nil)
    }

    @Test("A leak report contains the line of the call")
    func leak() async throws {
        let recorder = Recorder()
        var configuration = SQLiteConfiguration.with(maximumReaders: 1)
        configuration.pool.leakDetectionThreshold = .seconds(60)
        let folder = try SampleFolder()
        let clock = ManualClock()
        let pool = try SQLitePool(
            configuration.at(folder.file()),
            observers: [recorder],
            clock: clock
        )
        let meeting = Rendezvous()
        let line: UInt = #line + 2
        let writer = Task {
            try await pool.write { _ in
                meeting.arrive()
                meeting.wait()
            }
        }
        await meeting.arrived()
        await clock.advance { recorder.leaks.withLock { !$0.isEmpty } }
        meeting.release()
        try await writer.value
        #expect(recorder.leaks.withLock { $0 } == [site(line)])
        await pool.close()
    }

    @Test("The pool's clock measures a caller's wait")
    func wait() async throws {
        let folder = try SampleFolder()
        let clock = ManualClock()
        let pool = try SQLitePool(SQLiteConfiguration(folder.file()), clock: clock)
        try await withHeldWriter(pool) { release in
            let waiter = Task { try await pool.execute("SELECT 1") }
            while pool.writer.status.waiting == 0 { await Task.yield() }
            await clock.advance { pool.writer.status.waiting == 0 }
            await #expect(throws: PoolError.self) { try await waiter.value }
            release()
        }
        await pool.close()
    }
}
