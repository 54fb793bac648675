// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct ConnectionPoolTests {
    private func makePool(
        _ factory: ScriptedFactory,
        maximum: Int = 2,
        waiters: Int = 16,
        clock: ManualClock = ManualClock()
    ) throws -> ConnectionPool<ScriptedFactory> {
        try ConnectionPool(
            factory: factory,
            configuration: .init(name: "test", maximumConnections: maximum, maximumWaiters: waiters),
            clock: clock
        )
    }

    @Test("Connections are made on demand and reused")
    func lazyGrowth() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory)
        #expect(factory.connects == 0)
        for _ in 0..<10 { #expect(try await pool.withConnection { $0.id } == 1) }
        #expect(factory.connects == 1)
        #expect(pool.status.idle == 1)
    }

    @Test("The number of connections never exceeds the maximum, whatever the number of callers")
    func maximum() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, maximum: 3, waiters: 100)
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<100 {
                group.addTask {
                    for _ in 0..<20 {
                        try await pool.withConnection { connection in
                            await Task.yield()
                            if connection.id % 5 == 0 { connection.breakDown() }
                        }
                    }
                }
            }
        }
        #expect(factory.record.peak <= 3)
        await pool.close()
        #expect(factory.open == 0)
    }

    @Test("The first available connection, returned or new, serves the longest-waiting caller")
    func returnedBeforeNew() async throws {
        let factory = ScriptedFactory([.succeed, .hang])
        let pool = try makePool(factory)
        let lease = try await pool.getOrCreate()
        let first = await inLine(1, of: pool)
        await eventually { factory.hanging(.connect) == 1 }
        let second = await inLine(2, of: pool)
        lease.release()
        #expect(try await first.value == 1)
        #expect(try await second.value == 1)
        await factory.letGo(.connect)
        await eventually { pool.status.idle == 2 }
    }

    @Test("Cancelling a waiter does not cancel its connection attempt, which serves the next caller")
    func cancelledCaller() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, maximum: 1)
        let first = await inLine(1, of: pool)
        await eventually { factory.hanging(.connect) == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        let second = await inLine(1, of: pool)
        await factory.letGo(.connect)
        #expect(try await second.value == 1)
        #expect(factory.connects == 1)
    }

    @Test("A permanent failure fails all waiters at once, with its cause")
    func failure() async throws {
        let factory = ScriptedFactory([.hang])
        let clock = ManualClock()
        let pool = try makePool(factory, maximum: 1, clock: clock)
        let first = await inLine(1, of: pool)
        await eventually { factory.hanging(.connect) == 1 }
        let second = await inLine(2, of: pool)
        factory.script(.connect, [.fail(ScriptedFailure("for good", isPermanent: true))])
        await factory.letGo(.connect, failing: ScriptedFailure())
        // The first attempt failed temporarily; the next is due within the back-off.
        await clock.advance(inStepsOf: .milliseconds(10)) { pool.status.waiting == 0 }
        for task in [first, second] {
            let error = await #expect(throws: PoolError.self) { try await task.value }
            #expect(error?.code == .connectFailed)
            #expect(error?.underlying is ScriptedFailure)
            #expect(error?.description.contains("“test”") == true)
        }
        await settle(clock)
    }

    @Test("A broken connection is closed, never handed out again, and frees its slot after the close")
    func broken() async throws {
        let factory = ScriptedFactory()
        factory.script(.close, always: .hang)
        let pool = try makePool(factory, maximum: 1)
        try await pool.withConnection { $0.breakDown() }
        await eventually { factory.hanging(.close) == 1 }
        #expect(pool.status.changing == 1)
        let next = await inLine(1, of: pool)
        #expect(factory.connects == 1)
        await factory.letGo(.close)
        #expect(try await next.value == 2)
        #expect(factory.closed == [1])
        #expect(factory.record.peak == 1)
        async let closed: Void = pool.close()
        await eventually { factory.hanging(.close) == 1 }
        await factory.letGo(.close)
        await closed
    }

    @Test("A connection that needs a reset is passed on after it, without delay for its lease holder")
    func reset() async throws {
        let factory = ScriptedFactory()
        factory.script(.reset, always: .hang)
        let pool = try makePool(factory, maximum: 1)
        try await pool.withConnection { $0.soil() }
        // The body's caller has continued, and no caller has the connection yet.
        #expect(pool.status.changing == 1 && pool.status.idle == 0)
        let next = await inLine(1, of: pool)
        await eventually { factory.hanging(.reset) == 1 }
        await factory.letGo(.reset)
        #expect(try await next.value == 1)
        #expect(factory.connects == 1)
    }

    @Test("A connection whose reset fails is closed, and the waiter gets a new one")
    func failedReset() async throws {
        let factory = ScriptedFactory()
        factory.script(.reset, always: .hang)
        let pool = try makePool(factory, maximum: 1)
        try await pool.withConnection { $0.soil() }
        let next = await inLine(1, of: pool)
        await eventually { factory.hanging(.reset) == 1 }
        await factory.letGo(.reset, failing: ScriptedFailure())
        #expect(try await next.value == 2)
        #expect(factory.closed == [1])
    }

    @Test("inspectIdle closes broken idle connections")
    func inspectIdle() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, maximum: 3)
        try await pool.withConnection { _ in try await pool.withConnection { _ in } }
        #expect(pool.status.idle == 2)
        factory.breakConnection(1)
        #expect(pool.status.idle == 2)
        pool.inspectIdle()
        await eventually { factory.closed == [1] }
        #expect(pool.status.idle == 1)
        #expect(try await pool.withConnection { $0.id } == 2)
    }

    @Test("The error of a caller past its deadline has the status of the pool")
    func timeout() async throws {
        let clock = ManualClock()
        let factory = ScriptedFactory([.hang])
        // The breaker opens after the caller's deadline.
        var configuration = ConnectionPoolConfiguration(name: "test", maximumConnections: 1, maximumWaiters: 16)
        configuration.connectTimeout = .seconds(10)
        configuration.circuitBreakerThreshold = .seconds(60)
        let pool = try ConnectionPool(factory: factory, configuration: configuration, clock: clock)
        let byDefault = await inLine(1, of: pool)
        let own = await inLine(2, of: pool, timeout: .seconds(3))
        await eventually { clock.deadlines.contains(.seconds(3)) }
        clock.advance(by: .seconds(3))
        let early = await #expect(throws: PoolError.self) { try await own.value }
        #expect(early?.code == .timedOut)
        clock.advance(by: .seconds(7))
        let error = await #expect(throws: PoolError.self) { try await byDefault.value }
        #expect(error?.code == .timedOut)
        #expect(error?.waited == .seconds(10))
        #expect(error?.description.contains("0 of 1 connections leased, 0 idle") == true)
        await factory.letGo(.connect)
        await eventually { factory.open == 0 }
        await settle(clock)
    }

    @Test("Beyond the bound a caller is refused at once")
    func bound() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, maximum: 1, waiters: 1)
        let first = await inLine(1, of: pool)
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .tooManyWaiters)
        first.cancel()
        _ = await first.result
        await factory.letGo(.connect)
        await eventually { pool.status.idle == 1 }
    }

    @Test("The error of a body is rethrown unchanged, and its connection is returned")
    func bodyThrows() async throws {
        struct Own: Error, Equatable { let number: Int }
        let pool = try makePool(ScriptedFactory())
        await #expect(throws: Own(number: 7)) { try await pool.withConnection { _ in throw Own(number: 7) } }
        #expect(pool.status.idle == 1)
    }

    @MainActor
    @Test("A body runs on the actor of its caller")
    func isolation() async throws {
        let pool = try makePool(ScriptedFactory())
        var count = 0
        try await pool.withConnection { _ in
            MainActor.assertIsolated()
            count += 1
        }
        #expect(count == 1)
    }

    @Test("close fails waiters, closes idle connections now, and the others on their return")
    func close() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory)
        let first = try await pool.getOrCreate()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await pool.withConnection { _ in } }
        }
        #expect(pool.status.idle == 1)
        let second = pool.tryGet()!
        let waiter = await inLine(1, of: pool)
        second.release()
        _ = try await waiter.value
        await pool.close()
        await pool.close()
        #expect(factory.closed.count == 1)
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .closed)
        first.release()
        await pool.close()
        #expect(factory.open == 0)
    }

    @Test("A connection whose attempt ends after close is closed at once")
    func connectAgainstClose() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory)
        let waiter = await inLine(1, of: pool)
        await eventually { factory.hanging(.connect) == 1 }
        await pool.close()
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .closed)
        await factory.letGo(.connect)
        await eventually { factory.open == 0 }
        #expect(factory.closed == [1])
    }

    @Test("A dropped pool closes idle connections, and a leased one at the end of its lease")
    func drop() async throws {
        let factory = ScriptedFactory()
        do {
            let pool = try makePool(factory)
            try await pool.withConnection { _ in }
        }
        await eventually { factory.closed == [1] }
        let lease = try await makePool(factory).getOrCreate()
        #expect(lease.connection.id == 2)
        lease.release()
        await eventually { factory.open == 0 }
    }

    @Test("Cancellations at any moment lose no connection")
    func cancellations() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, maximum: 2, waiters: 200)
        await withDiscardingTaskGroup { group in
            for number in 0..<200 {
                group.addTask {
                    for turn in 0..<20 {
                        let task = Task { try await pool.withConnection { _ in await Task.yield() } }
                        for _ in 0..<(number + turn) % 5 { await Task.yield() }
                        if (number + turn) % 3 == 0 { task.cancel() }
                        _ = await task.result
                    }
                }
            }
        }
        await eventually { pool.status.changing == 0 }
        let status = pool.status
        #expect(status.leased == 0 && status.waiting == 0)
        #expect(status.idle == factory.open)
        #expect(factory.record.peak <= 2)
    }

    @Test("An invalid configuration is rejected, and the error names the property")
    func invalidConfiguration() throws {
        let wrong: [(ConnectionPoolConfiguration, String)] = [
            (.init(maximumConnections: 0), "maximumConnections"),
            (.init(maximumWaiters: 0), "maximumWaiters"),
            (.init(checkoutTimeout: .seconds(-1)), "checkoutTimeout"),
        ]
        for (configuration, field) in wrong {
            let error = #expect(throws: PoolError.self) {
                _ = try ConnectionPool(factory: ScriptedFactory(), configuration: configuration)
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.description.contains(field) == true)
        }
    }
}
