// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@_spi(Callbacks) import LockPool
import PoolTesting
import Testing

@testable import ConnectionPooling

/// Errors of callers while no connection can be made.
@Suite(.timeLimit(.minutes(10))) struct OutageTests {
    private let clock = ManualClock()

    @Test("A refused caller gets the cause of its own refusal, even if it reads it late")
    func ownCause() async throws {
        let factory = ScriptedFactory([.hang, .hang, .succeed])
        let pool = try makePool(factory, clock, maximum: 1) {
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
        }
        let waiters = [try CallbackWaiter(in: pool), try CallbackWaiter(in: pool), try CallbackWaiter(in: pool)]
        await factory.letGo(.connect, failing: ScriptedFailure("first"))
        await factory.letGo(.connect, failing: ScriptedFailure("second"))
        await eventually { waiters.allSatisfy(\.hasTurn) }
        // The last attempt has succeeded by now.
        #expect(pool.snapshot.lastConnectFailure == nil)
        #expect(waiters[2].error == nil)
        #expect(waiters[1].error?.underlying as? ScriptedFailure == ScriptedFailure("second"))
        #expect(waiters[0].error?.underlying as? ScriptedFailure == ScriptedFailure("first"))
        #expect(pool.growth.causes.count == 0)
    }

    @Test("A waiter is refused when the first attempt has hung for the breaker's threshold")
    func hungAttempt() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .hang)
        let pool = try makePool(factory, clock) { $0.circuitBreakerThreshold = .seconds(5) }
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        await eventually { clock.deadlines.contains(.seconds(5)) }
        clock.advance(by: .seconds(5))
        var error = await #expect(throws: PoolError.self) { try await waiter.value }
        let pending = try #require(error?.underlying as? PoolError.ConnectPending)
        #expect(error?.code == .connectFailed && pending.operation.duration == .seconds(5))
        #expect(error?.description.contains("a connection attempt has been running for 5.0 seconds") == true)
        // New callers do not wait for it.
        error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .connectFailed && error?.underlying is PoolError.ConnectPending)
        #expect(factory.connects == 1)
        await factory.letGo(.connect)
        await eventually { pool.status.idle == 1 }
        #expect(try await pool.withConnection { $0.id } == 1)
    }

    @Test("Callers that waited for a connection are refused when it closes while the breaker is open")
    func lastConnection() async throws {
        let factory = ScriptedFactory([.succeed])
        let pool = try makePool(factory, clock, maximum: 2) {
            $0.circuitBreakerThreshold = .seconds(5)
            $0.connectTimeout = .seconds(60)
        }
        let lease = try await pool.getOrCreate()
        factory.script(.connect, always: .hang)
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        await eventually { clock.deadlines.contains(.seconds(5)) }
        clock.advance(by: .seconds(5))
        // The breaker is open, and the existing connection may still be returned.
        await eventually { pool.growth.plan.withLock { $0.outage?.isOpen == true } }
        #expect(pool.status.waiting == 1)
        lease.discard()
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .connectFailed && error?.underlying is PoolError.ConnectPending)
        await factory.letGo(.connect)
    }

    @Test("The breaker opens at its threshold, also between two attempts")
    func breakerBetweenAttempts() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail())
        let pool = try makePool(factory, clock) {
            $0.initialBackoff = .seconds(100_000)
            $0.maximumBackoff = .seconds(100_000)
            $0.circuitBreakerThreshold = .seconds(5)
        }
        let waiter = await inLine(1, of: pool)
        await eventually { pool.snapshot.lastConnectFailure != nil && clock.deadlines.contains(.seconds(5)) }
        clock.advance(by: .seconds(5))
        let error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .connectFailed && error?.underlying is ScriptedFailure)
        #expect(factory.connects == 1)
        await pool.close()
        await settle(clock)
    }

    @Test("A threshold of zero does not refuse the caller whose attempt has just begun")
    func zeroThreshold() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock) { $0.circuitBreakerThreshold = .zero }
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        clock.advance(by: .seconds(60))
        await factory.letGo(.connect)
        #expect(try await waiter.value == 1)
    }

    /// Connects to a named target, and never succeeds.
    private struct BlackHole: ConnectionFactory {
        struct Link: ~Copyable, Sendable {}
        let target: String? = "db.example.com:5432"
        func connect() async throws -> Link {
            try await Task.sleep(for: .seconds(86_400))
            return Link()
        }
        func inspect(_ connection: borrowing Link) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Link) async {}
    }

    @Test("A timeout names the attempt that the pool was waiting for, and its target")
    func target() async throws {
        var configuration = ConnectionPoolConfiguration(name: "far", connectTimeout: .seconds(3_600))
        configuration.circuitBreakerThreshold = .seconds(3_600)
        let pool = try ConnectionPool(factory: BlackHole(), configuration: configuration, clock: clock)
        let call = Task { try await pool.withConnection(timeout: .seconds(3)) { _ in } }
        await eventually { pool.status.waiting == 1 && pool.status.changing == 1 && !clock.deadlines.isEmpty }
        let done = Locked(false)
        let watch = Task {
            _ = await call.result
            done.withLock { $0 = true }
        }
        await clock.advance { done.withLock { $0 } }
        await watch.value
        let error = await #expect(throws: PoolError.self) { try await call.value }
        #expect(error?.code == .timedOut && error?.operation?.kind == .connect)
        #expect(error?.description.contains("a connection attempt to db.example.com:5432 has been running for") == true)
        await pool.close()
        await clock.advance(inStepsOf: .seconds(3_600)) { pool.status.changing == 0 }
        await settle(clock)
    }

    @Test("A timeout names the reset that the pool was waiting for")
    func hungReset() async throws {
        let factory = ScriptedFactory()
        factory.script(.reset, always: .hang)
        let pool = try makePool(factory, clock, maximum: 1) { $0.resetTimeout = .seconds(3_600) }
        try await pool.withConnection { $0.soil() }
        await factory.wait { $0.hanging(.reset) == 1 }
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection(timeout: .zero) { _ in } }
        #expect(error?.code == .timedOut && error?.operation?.kind == .reset)
        factory.letGoOfAll()
        await eventually { pool.status.idle == 1 }
        #expect(pool.growth.operations.longest(at: 0, target: nil) == nil)
    }

    @Test("The default time limits are consistent")
    func defaults() {
        let configuration = ConnectionPoolConfiguration()
        // A second attempt begins before the breaker opens, and the breaker refuses callers
        // before their own timeouts.
        #expect(configuration.connectTimeout < configuration.circuitBreakerThreshold)
        #expect(configuration.circuitBreakerThreshold < configuration.checkoutTimeout)
        // A failed test and another attempt fit into one checkout.
        #expect(configuration.resetTimeout + configuration.connectTimeout < configuration.checkoutTimeout)
        // A waiter at the start of a shutdown has its result before the pool interrupts leases.
        #expect(configuration.checkoutTimeout < configuration.drainTimeout)
        #expect(configuration.drainTimeout + configuration.closeTimeout * 2 < .seconds(25))
    }

    @Test("A back-off that would cause a busy loop is rejected")
    func hotBackoff() throws {
        let error = #expect(throws: PoolError.self) {
            try ConnectionPoolConfiguration(initialBackoff: .zero).validate()
        }
        #expect(error?.code == .invalidConfiguration && "\(error!)".contains("initialBackoff"))
        try ConnectionPoolConfiguration(initialBackoff: .zero, maximumBackoff: .zero).validate()
    }

    @Test("Without a back-off a failed attempt for the minimum is repeated once in a second")
    func minimumWithoutBackoff() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail())
        let pool = try makePool(factory, clock) {
            $0.minimumConnections = 1
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
        }
        pool.prewarm()
        await factory.wait { $0.count(of: .connect) == 1 }
        for _ in 0..<1_000 { await Task.yield() }
        #expect(factory.connects == 1)
        await clock.advance { factory.connects == 3 }
        await pool.close()
        await settle(clock)
    }

    @Test("For a minimum of one, a server that ends each connection at once sees one attempt a second")
    func minimumThatBreaks() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) { $0.minimumConnections = 1 }
        pool.prewarm()
        await eventually { pool.status.idle == 1 }
        for _ in 0..<10 {
            factory.breakAllConnections()
            pool.inspectIdle()
            for _ in 0..<200 { await Task.yield() }
        }
        #expect(factory.connects == 1)
        await clock.advance { pool.status.idle == 1 }
        #expect(factory.connects == 2)
    }

    @Test("Prewarming waits for the minimum")
    func prewarm() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 4) { $0.minimumConnections = 3 }
        try await pool.prewarm(timeout: .seconds(10))
        #expect(pool.status.open == 3 && factory.connects == 3)
        // A new connection is leased for an instant.
        await eventually { pool.status.idle == 3 }
        #expect(pool.status.idle == 3)
        try await pool.prewarm(timeout: .zero)
    }

    @Test("Prewarming fails at once after a permanent failure, with the cause")
    func prewarmFailure() async throws {
        let factory = ScriptedFactory([.fail(ScriptedFailure("wrong password", isPermanent: true))])
        let pool = try makePool(factory, clock)
        let error = await #expect(throws: PoolError.self) { try await pool.prewarm(timeout: .seconds(3_600)) }
        #expect(error?.code == .connectFailed)
        #expect((error?.underlying as? ScriptedFailure)?.description == "wrong password")
        await pool.close()
        await settle(clock)
    }

    @Test("Idle connections are kept beside those in use, up to the maximum, and outlast the idle timeout")
    func minimumIdle() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 4) {
            $0.minimumIdleConnections = 2
            $0.idleTimeout = .seconds(5)
        }
        pool.prewarm()
        await eventually { pool.status.idle == 2 }
        let first = try await pool.getOrCreate()
        await clock.advance { pool.status.idle == 2 }
        let second = try await pool.getOrCreate()
        let third = try await pool.getOrCreate()
        await clock.advance { pool.status.idle == 1 }
        #expect(pool.status.leased == 3 && factory.record.peak == 4)
        first.release()
        second.release()
        third.release()
        await clock.advance { factory.open == 2 }
        await clock.advance(seconds: 20)
        #expect(factory.open == 2)
    }
}
