// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

/// The preparation of an idle connection for a caller: eviction check, test, hook.
@Suite(.timeLimit(.minutes(10))) struct PreparationTests {
    private let clock = ManualClock()

    /// A pool with its maximum of idle connections.
    private func idlePool(
        _ factory: ScriptedFactory,
        _ count: Int,
        hooks: ConnectionHooks<ScriptedConnection> = .init(),
        _ change: (inout ConnectionPoolConfiguration) -> Void = { _ in }
    ) async throws -> ConnectionPool<ScriptedFactory> {
        let pool = try makePool(factory, clock, maximum: count, hooks: hooks) {
            $0.minimumConnections = count
            $0.validateAfterIdle = .seconds(30)
            change(&$0)
        }
        pool.prewarm()
        await eventually { pool.status.idle == count }
        return pool
    }

    // MARK: Eviction

    /// Makes numbered connections.
    private final class Numbers: ConnectionFactory {
        struct Connection: ~Copyable, Sendable { let number: Int }

        let last = Atomic(0)

        func connect() async throws -> Connection {
            Connection(number: last.add(1, ordering: .sequentiallyConsistent).newValue)
        }
        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Connection) async {}
    }

    @Test("A checkout that begins after evictAll has returned gets no older connection, under load")
    func evictionUnderLoad() async throws {
        let factory = Numbers()
        let pool = try ConnectionPool(factory: factory, configuration: .init(maximumConnections: 3))
        let isOver = Locked(false)
        await withDiscardingTaskGroup { group in
            // Fewer tasks than threads, and short ones, so that the evictions run.
            for _ in 0..<2 {
                group.addTask {
                    while !isOver.withLock({ $0 }) {
                        for _ in 0..<50 { pool.tryGet()?.release() }
                        try? await pool.withConnection { _ in }
                        await Task.yield()
                    }
                }
            }
            group.addTask {
                var old = 0
                for _ in 0..<10_000 {
                    let newest = factory.last.load(ordering: .sequentiallyConsistent)
                    pool.evictAll()
                    for _ in 0..<10 {
                        guard let lease = pool.tryGet() else { continue }
                        if lease.connection.number <= newest { old += 1 }
                        lease.release()
                    }
                    await Task.yield()
                }
                #expect(old == 0)
                isOver.withLock { $0 = true }
            }
        }
        await pool.close()
    }

    @Test("A caller whose connection is evicted between the hand-over and its resumption gets another one")
    func evictionAfterHandOver() async throws {
        for _ in 0..<200 {
            let factory = Numbers()
            let pool = try ConnectionPool(factory: factory, configuration: .init(maximumConnections: 1))
            let lease = try await pool.getOrCreate()
            let evicted = Atomic(false)
            let task = Task {
                try await pool.withConnection { connection in
                    evicted.load(ordering: .sequentiallyConsistent) ? connection.number : 2
                }
            }
            await eventually { pool.status.waiting == 1 }
            lease.release()
            pool.evictAll()
            evicted.store(true, ordering: .sequentiallyConsistent)
            #expect(try await task.value == 2)
            await pool.close()
        }
    }

    // MARK: Tests before the hand-out

    @Test("One checkout after a quiet period tests one of a hundred idle connections")
    func oneTest() async throws {
        let factory = ScriptedFactory()
        let pool = try await idlePool(factory, 100)
        clock.advance(by: .seconds(31))
        try await pool.withConnection { _ in }
        #expect(factory.record.count(of: .ping) == 1)
        #expect(pool.status.idle == 100 && factory.connects == 100)
    }

    @Test("A caller prefers an idle connection that needs no test")
    func freshFirst() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .fail())
        let pool = try await idlePool(factory, 5)
        let lease = try await pool.getOrCreate()
        let fresh = lease.connection.id
        clock.advance(by: .seconds(31))
        lease.release()
        for _ in 0..<5 {
            #expect(try await Task.detached { try await pool.withConnection { $0.id } }.value == fresh)
            #expect(pool.tryGet()?.connection.id == fresh)
        }
        #expect(factory.record.count(of: .ping) == 0)
    }

    @Test(
        "A stale connection is idle again when its caller takes one that needs no test",
        arguments: [false, true],
        [false, true]
    )
    func staleGoesBack(hasHook: Bool, firstIsStale: Bool) async throws {
        let factory = ScriptedFactory()
        // With a hook, callers take no idle connection directly: the pool prepares it for them.
        let hooks = hasHook ? ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, _ in true }) : .init()
        let pool = try await idlePool(factory, 2, hooks: hooks)
        let first = try await pool.getOrCreate()
        let second = try await pool.getOrCreate()
        let fresh = firstIsStale ? second.connection.id : first.connection.id
        // Whichever connection the core finds first, in one of the cases it is stale.
        if firstIsStale {
            first.release()
            clock.advance(by: .seconds(31))
            second.release()
        } else {
            second.release()
            clock.advance(by: .seconds(31))
            first.release()
        }
        try await pool.withConnection { connection in
            #expect(connection.id == fresh)
            #expect(pool.status.idle == 1 && pool.status.leased == 1)
        }
        #expect(factory.record.count(of: .ping) == 0)
    }

    @Test("While a test hangs, the caller has another idle connection tested, and the first goes back to the pool")
    func hangingTest() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, [.hang])
        let pool = try await idlePool(factory, 3) { $0.resetTimeout = .seconds(1_000) }
        clock.advance(by: .seconds(31))
        let isServed = Atomic(false)
        let task = Task {
            try await pool.withConnection { _ in isServed.store(true, ordering: .relaxed) }
        }
        await factory.wait { $0.hanging(.ping) == 1 }
        #expect(factory.record.count(of: .ping) == 1)
        await clock.advance { isServed.load(ordering: .relaxed) }
        try await task.value
        #expect(factory.record.count(of: .ping) == 2 && factory.connects == 3)
        await factory.letGo(.ping)
        await eventually { pool.status.idle == 3 }
        #expect(factory.closed.isEmpty)
    }

    @Test("A caller that meets only hanging tests has all idle connections tested within an eighth of the time limit")
    func hangingTests() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .hang)
        let pool = try await idlePool(factory, 20) { $0.resetTimeout = .seconds(1_600) }
        clock.advance(by: .seconds(31))
        let task = Task { try await pool.withConnection { _ in } }
        for count in 1..<20 {
            let limit = Duration.nanoseconds(100_000_000_000 >> (count - 1))
            let deadline = ManualClock.Instant().duration(to: clock.now) + limit
            try await eventually("the caller waits \(limit) for test \(count)", within: .seconds(120)) {
                factory.hanging(.ping) == count && clock.deadlines.contains(deadline)
            }
            clock.advance(by: limit)
        }
        try await eventually("the last connection is tested", within: .seconds(120)) { factory.hanging(.ping) == 20 }
        await factory.letGo(.ping)
        try await task.value
        factory.letGoOfAll()
        await eventually { pool.status.idle == 20 }
    }

    @Test("A caller that waits for a test ends at its deadline or cancellation, even if others are idle")
    func deadlineDuringTest() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, always: .hang)
        let pool = try await idlePool(factory, 3) { $0.resetTimeout = .seconds(1_000) }
        clock.advance(by: .seconds(31))
        let late = Task { try await pool.withConnection(timeout: .seconds(2)) { _ in } }
        await factory.wait { $0.hanging(.ping) == 1 }
        let isOver = Atomic(false)
        let watcher = Task {
            _ = await late.result
            isOver.store(true, ordering: .relaxed)
        }
        try await clock.advance("the caller is told", within: .seconds(120)) { isOver.load(ordering: .relaxed) }
        await watcher.value
        let error = await #expect(throws: PoolError.self) { try await late.value }
        #expect(error?.code == .timedOut)
        let cancelled = Task { try await pool.withConnection { _ in } }
        await factory.wait { $0.hanging(.ping) == 2 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(factory.record.count(of: .ping) == 2)
        factory.letGoOfAll()
        await eventually { pool.status.idle == 3 }
    }

    @Test("After a failed test, connections that were idle as long are not handed out untested")
    func suspects() async throws {
        let factory = ScriptedFactory()
        factory.script(.ping, [.fail()], then: .hang)
        let pool = try makePool(factory, clock, maximum: 4) { $0.keepAliveInterval = .seconds(60) }
        try await lease(4, of: pool)
        let used = try await pool.getOrCreate()
        await clock.advance { factory.closed.count == 1 }
        used.release()
        // The connection that was in use is not suspect. The next maintenance tests the other
        // two, and no caller receives them before.
        let (id, tested) = (pool.tryGet()?.connection.id, factory.record.count(of: .ping))
        #expect(id != nil || tested > 1)
        await clock.advance { factory.hanging(.ping) == 2 }
        #expect(pool.status.idle == 1)
        await factory.letGo(.ping, failing: ScriptedFailure())
        await factory.letGo(.ping)
        await eventually { factory.closed.count == 2 && pool.status.idle == 2 }
        // A connection that has passed its test is not suspect any more.
        let first = pool.tryGet()
        let second = pool.tryGet()
        if first == nil || second == nil { Issue.record("a tested connection was not handed out") }
    }

    @Test("A suspect connection is tested before tryGet or a caller receives it, whatever validateAfterIdle is")
    func suspectsAtCheckout() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 3) { $0.keepAliveInterval = .seconds(60) }
        try await lease(3, of: pool)
        factory.breakAllConnections()
        await clock.advance { factory.record.count(of: .ping) > 0 }
        await eventually { !factory.closed.isEmpty }
        // Broken, which only a test detects.
        let id = try await pool.withConnection { $0.id }
        #expect(id > 3)
    }

    private func lease(_ count: Int, of pool: ConnectionPool<ScriptedFactory>) async throws {
        if count == 0 { return }
        try await pool.withConnection { _ in try await lease(count - 1, of: pool) }
    }

    // MARK: A test at each checkout

    /// Records whether each connection has been tested since its last use.
    private final class Tested: ConnectionFactory {
        final class Connection: Sendable { let isTested = Atomic(true) }

        let pings = Atomic(0)

        func connect() async throws -> Connection { Connection() }
        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
        func ping(_ connection: borrowing Connection) async -> Bool {
            pings.add(1, ordering: .relaxed)
            await Task.yield()
            connection.isTested.store(true, ordering: .relaxed)
            return true
        }
        func close(_ connection: consuming Connection) async {}
    }

    @Test("With validateAfterIdle zero each checkout tests its connection once, also at one instant of the clock")
    func testAtEachCheckout() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1) { $0.validateAfterIdle = .zero }
        for uses in 0..<10 {
            #expect(factory.record.count(of: .ping) == max(0, uses - 1) || uses == 0)
            #expect(try await pool.withConnection { $0.id } == 1)
        }
        #expect(factory.record.count(of: .ping) == 9)
        let lease = pool.tryGet()
        if lease != nil { Issue.record("an untested connection was handed out") }
        factory.script(.ping, [.fail()])
        #expect(try await pool.withConnection { $0.id } == 2)
    }

    @Test("With validateAfterIdle zero every caller of a crowded pool gets a tested connection")
    func testAtEachCheckoutOfMany() async throws {
        for maximum in [1, 3] {
            let factory = Tested()
            let pool = try ConnectionPool(
                factory: factory,
                configuration: .init(
                    maximumConnections: maximum,
                    checkoutTimeout: .seconds(600),
                    validateAfterIdle: .zero
                )
            )
            let untested = Locked(0)
            await withDiscardingTaskGroup { group in
                for _ in 0..<12 {
                    group.addTask {
                        for _ in 0..<100 {
                            let isServed: Void? = try? await pool.withConnection { connection in
                                let wasTested = connection.isTested.exchange(false, ordering: .relaxed)
                                if !wasTested { untested.withLock { $0 += 1 } }
                                await Task.yield()
                            }
                            #expect(isServed != nil)
                        }
                    }
                }
            }
            #expect(untested.withLock { $0 } == 0)
            #expect(factory.pings.load(ordering: .relaxed) >= 1_200 - maximum)
            await pool.close()
        }
    }

    @Test("validateAfterIdle cannot be negative")
    func negative() throws {
        let error = #expect(throws: PoolError.self) {
            try ConnectionPoolConfiguration(validateAfterIdle: .nanoseconds(-1)).validate()
        }
        #expect(error?.code == .invalidConfiguration && "\(error!)".contains("validateAfterIdle"))
        try ConnectionPoolConfiguration(validateAfterIdle: .zero).validate()
        try ConnectionPoolConfiguration(validateAfterIdle: .nanoseconds(1)).validate()
    }
}
