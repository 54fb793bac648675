// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

/// Connection attempts, and the pool's behavior while they fail.
@Suite(.timeLimit(.minutes(10))) struct GrowthTests {
    private let clock = ManualClock()

    @Test("No more connection attempts run concurrently than configured")
    func concurrentConnects() async throws {
        let factory = ScriptedFactory(Array(repeating: .hang, count: 4))
        let pool = try makePool(factory, clock, maximum: 4) { $0.maximumConcurrentConnects = 2 }
        var tasks: [Task<Int, any Error>] = []
        for count in 1...4 { tasks.append(await inLine(count, of: pool)) }
        await eventually { factory.hanging(.connect) == 2 }
        #expect(factory.connects == 2)
        await factory.letGo(.connect)
        await eventually { factory.connects == 3 || pool.status.waiting == 0 }
        while pool.status.waiting > 0 {
            if factory.hanging(.connect) > 0 { await factory.letGo(.connect) }
            await Task.yield()
        }
        for task in tasks { _ = try await task.value }
        while factory.hanging(.connect) > 0 { await factory.letGo(.connect) }
    }

    @Test("An attempt that hangs loses its slot at its deadline, and its late connection is closed")
    func connectTimeout() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock, maximum: 1) { $0.connectTimeout = .seconds(5) }
        let waiter = await inLine(1, of: pool)
        await eventually { factory.hanging(.connect) == 1 }
        await clock.advance { factory.connects == 2 }
        #expect(try await waiter.value == 1)
        await factory.letGo(.connect)
        await eventually { factory.closed == [2] }
    }

    @Test("During an outage one attempt runs at a time, and its success serves waiters")
    func backoff() async throws {
        let factory = ScriptedFactory([.fail(), .fail(), .fail()])
        let pool = try makePool(factory, clock, maximum: 4)
        let first = await inLine(1, of: pool)
        let second = Task { try await pool.withConnection { $0.id } }
        await clock.advance { factory.connects >= 4 }
        #expect(try await first.value == 1)
        _ = try await second.value
        #expect(pool.snapshot.lastConnectFailure == nil)
    }

    @Test("The pause after a failed attempt does not depend on the age of the pool")
    func pauseOfOldPool() async throws {
        let factory = ScriptedFactory([.fail(), .fail()])
        let pool = try makePool(factory, clock, maximum: 1)
        clock.advance(by: .seconds(1_000_000))
        let (waiter, began) = (await inLine(1, of: pool), clock.now)
        try await clock.advance("an attempt succeeds", within: .seconds(30)) { factory.connects == 3 }
        #expect(try await waiter.value == 1)
        // The clock may be ahead of the pool.
        #expect(began.duration(to: clock.now) < .seconds(100_000))
    }

    @Test("After the breaker's threshold callers fail at once with the cause, until an attempt succeeds")
    func circuitBreaker() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail())
        let pool = try makePool(factory, clock) { $0.circuitBreakerThreshold = .seconds(5) }
        let waiter = await inLine(1, of: pool)
        // The first attempt has failed before time passes: it is the cause.
        await eventually { factory.connects == 1 && pool.status.changing == 0 }
        await clock.advance { pool.status.waiting == 0 }
        var error = await #expect(throws: PoolError.self) { try await waiter.value }
        #expect(error?.code == .connectFailed && error?.underlying is ScriptedFailure)
        error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .connectFailed && error?.underlying is ScriptedFailure)
        // The database is back: an attempt starts without a caller.
        factory.script(.connect, [])
        await clock.advance { pool.status.idle == 1 }
        _ = try await pool.withConnection { $0.id }
    }

    @Test("The minimum exists soon after the first checkout, and stays")
    func minimum() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 5) {
            $0.minimumConnections = 3
            $0.idleTimeout = .seconds(10)
        }
        #expect(factory.connects == 0)
        pool.prewarm()
        await eventually { pool.status.idle == 3 }
        await clock.advance(seconds: 30)
        #expect(pool.status.open == 3 && factory.closed.isEmpty)
    }

    @Test("An attempt that hangs does not block the other slots")
    func hungConnect() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock)
        let first = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        // A second caller makes the pool connect in the other slot, and that connection serves
        // both callers, in turn.
        let second = Task { try await pool.withConnection { $0.id } }
        #expect(try await first.value == 1)
        #expect(try await second.value == 1)
        for _ in 0..<10 { #expect(try await pool.withConnection { $0.id } == 1) }
        #expect(factory.hanging(.connect) == 1)
        await factory.letGo(.connect)
        await eventually { pool.status.idle == 2 }
    }

    @Test("A new connection serves the longest-waiting caller, not the caller that caused the attempt")
    func newConnection() async throws {
        let factory = ScriptedFactory([.hang, .hang])
        let pool = try makePool(factory, clock)
        let first = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        let letGo = Locked(false)
        let second = Task {
            try await pool.withConnection { connection in
                await eventually { letGo.withLock { $0 } }
                return connection.id
            }
        }
        await factory.wait { $0.hanging(.connect) == 2 }
        // The first caller leaves, so the attempt that it caused serves the second.
        first.cancel()
        _ = await first.result
        await factory.letGo(.connect)
        await eventually { pool.status.leased == 1 }
        letGo.withLock { $0 = true }
        #expect(try await second.value == 1)
        await factory.letGo(.connect)
        await eventually { pool.status.idle == 2 }
    }

    @Test("The minimum is restored when a connection breaks")
    func minimumAfterBreak() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 5) { $0.minimumConnections = 3 }
        pool.prewarm()
        await eventually { pool.status.idle == 3 }
        factory.breakAllConnections()
        pool.inspectIdle()
        await clock.advance { factory.record.openIDs == [4, 5, 6] }
        #expect(factory.closed.sorted() == [1, 2, 3])
        #expect(factory.record.peak <= 5)
    }

    @Test("During an outage no more than one attempt runs, whatever the number of waiters")
    func oneProbe() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail())
        let pool = try makePool(factory, clock, maximum: 8) {
            $0.maximumConcurrentConnects = 8
            $0.circuitBreakerThreshold = .seconds(3_600)
        }
        var waiters = [await inLine(1, of: pool)]
        await eventually { pool.snapshot.lastConnectFailure != nil }
        factory.script(.connect, always: .hang)
        for count in 2...8 { waiters.append(await inLine(count, of: pool)) }
        await clock.advance { factory.hanging(.connect) == 1 }
        // No other attempt starts before its time limit, whatever happens to the line and to
        // time.
        for _ in 0..<8 {
            await clock.advance(seconds: 1)
            #expect(factory.hanging(.connect) == 1)
        }
        factory.letGoOfAll()
        for waiter in waiters { _ = try await waiter.value }
    }

    /// The clock's time.
    private var now: Duration { ManualClock.Instant().duration(to: clock.now) }

    /// Waits until the pool sleeps until its next attempt, and returns the instant of that
    /// attempt, which is random, unlike deadlines.
    private func nextAttempt() async -> Duration {
        var next: Duration?
        await eventually {
            next = clock.deadlines.first { $0.components.attoseconds != 0 && $0 < now + .seconds(20) }
            return next != nil
        }
        return next ?? .zero
    }

    private func advance(to instant: Duration) { clock.advance(by: max(.zero, instant - now)) }

    @Test("The pause after a failure is random below a bound that doubles up to the maximum")
    func jitter() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail())
        let pool = try makePool(factory, clock) {
            $0.connectTimeout = .seconds(1_000)
            $0.initialBackoff = .milliseconds(100)
            $0.maximumBackoff = .milliseconds(1_500)
            $0.circuitBreakerThreshold = .zero
        }
        await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        var parts: [Double] = []
        for failures in 1...30 {
            await eventually { factory.connects == failures }
            let attempt = await nextAttempt()
            let bound = Duration.milliseconds(min(1_500, 100 << min(failures - 1, 10)))
            #expect(attempt > now && attempt - now <= bound)
            parts.append((attempt - now) / bound)
            advance(to: attempt)
        }
        // Random below the bound: thirty samples are in one half only once in a billion runs.
        #expect(parts.contains { $0 < 0.5 } && parts.contains { $0 > 0.5 })
        await pool.close()
        await settle(clock)
    }

    /// A clock that steps forward behind one reading, as the system's clock does where a thread does not run for a while.
    private struct SteppingClock: Clock {
        final class Step: Sendable {
            let isDue = Atomic(false)
        }

        let manual: ManualClock
        let step = Step()

        var now: ManualClock.Instant {
            let now = manual.now
            if step.isDue.exchange(false, ordering: .relaxed) { manual.advance(by: .seconds(10)) }
            return now
        }

        var minimumResolution: Duration { manual.minimumResolution }

        func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws {
            try await manual.sleep(until: deadline, tolerance: tolerance)
        }
    }

    @Test("A thread that stands still while it sets the timer for an attempt does not delay the attempt")
    func lateTimer() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, [.hang, .hang])
        let stepping = SteppingClock(manual: clock)
        let pool = try ConnectionPool(
            factory: factory,
            configuration: ConnectionPoolConfiguration(
                checkoutTimeout: .seconds(3_600),
                connectTimeout: .seconds(3_600),
                initialBackoff: .seconds(5),
                maximumBackoff: .seconds(5),
                circuitBreakerThreshold: .seconds(3_600)
            ),
            clock: stepping,
            random: { 0.5 }
        )
        let callers = [await inLine(1, of: pool), await inLine(2, of: pool)]
        await eventually { factory.hanging(.connect) == 2 }
        await factory.letGo(.connect, failing: ScriptedFailure())
        await eventually { clock.deadlines.first == .seconds(2.5) }
        clock.advance(by: .seconds(1))
        await factory.letGo(.connect, failing: ScriptedFailure())
        await eventually { pool.snapshot.counters.connectFailures == 2 }
        // The timer of the first failure ends, and finds that the second failure has put the attempt off until 3.5 seconds.
        stepping.step.isDue.store(true, ordering: .relaxed)
        clock.advance(by: .seconds(1.5))
        // The test does not advance the clock any more: the time of the attempt has passed before the timer sleeps.
        for caller in callers { _ = try await caller.value }
        #expect(now == .seconds(12.5))
        await pool.close()
    }

    @Test("When the breaker opens, all waiters fail at once with the cause, and new callers do not get in line")
    func breakerEmptiesTheLine() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail(ScriptedFailure("down")))
        let pool = try makePool(factory, clock, maximum: 4) { $0.circuitBreakerThreshold = .seconds(20) }
        var waiters: [Task<Int, any Error>] = []
        for count in 1...6 { waiters.append(await inLine(count, of: pool)) }
        await clock.advance { pool.status.waiting == 0 }
        for waiter in waiters {
            let error = await #expect(throws: PoolError.self) { try await waiter.value }
            #expect(error?.code == .connectFailed)
            #expect(error?.underlying as? ScriptedFailure == ScriptedFailure("down"))
            #expect(error.map { $0.waited > .zero } == true)
        }
        let refused = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(refused?.code == .connectFailed && refused?.waited == .zero)
        #expect(refused?.status?.waiting == 0)
        await pool.close()
        await settle(clock)
    }

    @Test("While one connection lives, callers wait for it, even if the breaker is open")
    func breakerWithConnections() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock) { $0.circuitBreakerThreshold = .zero }
        let lease = try await pool.getOrCreate()
        factory.script(.connect, always: .fail())
        let waiter = await inLine(1, of: pool)
        await clock.advance { factory.connects > 3 }
        #expect(pool.status.waiting == 1)
        lease.release()
        #expect(try await waiter.value == 1)
        await pool.close()
        await settle(clock)
    }

    @Test("A restarted database is used within one interval, with no more concurrent attempts than configured")
    func recovery() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .fail())
        let pool = try makePool(factory, clock, maximum: 8) {
            $0.maximumConcurrentConnects = 2
            $0.connectTimeout = .seconds(1_000)
            $0.maximumBackoff = .seconds(5)
            $0.circuitBreakerThreshold = .seconds(3_600)
        }
        var waiters: [Task<Int, any Error>] = []
        for count in 1...8 { waiters.append(await inLine(count, of: pool)) }
        // Until the pause has its full length. The first two attempts fail side by side.
        while factory.connects < 13 { advance(to: await nextAttempt()) }
        let attempt = await nextAttempt()
        factory.script(.connect, always: .hang)
        #expect(attempt - now <= .seconds(5))
        advance(to: attempt)
        await factory.wait { $0.hanging(.connect) > 0 }
        // One attempt runs, and after its success two at a time.
        #expect(factory.hanging(.connect) == 1)
        await factory.letGo(.connect)
        await eventually { factory.hanging(.connect) == 2 || pool.status.waiting == 0 }
        // The last waiters may be served by returned connections, without another attempt.
        while pool.status.waiting > 0 || factory.hanging(.connect) > 0 {
            #expect(factory.hanging(.connect) <= 2)
            if factory.hanging(.connect) > 0 { await factory.letGo(.connect) }
            await Task.yield()
        }
        for waiter in waiters { _ = try await waiter.value }
        factory.letGoOfAll()
        await settle(clock)
    }

    @Test("Without a back-off a failed attempt fails the longest-waiting caller, and no other")
    func noSecondAttempt() async throws {
        let factory = ScriptedFactory([.hang])
        let pool = try makePool(factory, clock, maximum: 1) {
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
        }
        let first = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.connect) == 1 }
        let second = await inLine(2, of: pool)
        await factory.letGo(.connect, failing: ScriptedFailure())
        let error = await #expect(throws: PoolError.self) { try await first.value }
        #expect(error?.code == .connectFailed)
        #expect(try await second.value == 1)
        #expect(factory.connects == 2)
    }

    @Test("A hook that fails after a connect fails the attempt, and the connection is closed")
    func failedHook() async throws {
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(afterConnect: { connection in
            if connection.id == 1 { throw ScriptedFailure("wrong version", isPermanent: true) }
        })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.underlying as? ScriptedFailure == ScriptedFailure("wrong version", isPermanent: true))
        #expect(factory.closed == [1])
        await clock.advance { pool.status.idle == 1 }
        #expect(try await pool.withConnection { $0.id } == 2)
    }

    @Test("A hook that hangs after a connect counts as an attempt that hangs")
    func hungHook() async throws {
        let factory = ScriptedFactory()
        factory.script(.use, [.hang])
        let hooks = ConnectionHooks<ScriptedConnection>(afterConnect: { try await $0.use() })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks) { $0.connectTimeout = .seconds(5) }
        let waiter = await inLine(1, of: pool)
        await factory.wait { $0.hanging(.use) == 1 }
        await clock.advance { factory.connects == 2 }
        #expect(try await waiter.value == 2)
        await factory.letGo(.use)
        await factory.wait { $0.closed == [1] }
    }

    @Test("Each attempt calls the factory anew, so that credentials may change")
    func credentials() async throws {
        struct Login: ~Copyable, Sendable { let token: Int }
        final class Vault: ConnectionFactory {
            let token = Locked(1)
            func connect() async throws -> Login { Login(token: token.withLock { $0 }) }
            func inspect(_ connection: borrowing Login) -> ConnectionHealth { .reusable }
            func close(_ connection: consuming Login) async {}
        }
        let vault = Vault()
        let pool = try ConnectionPool(factory: vault, configuration: .init(maximumConnections: 1), clock: clock)
        #expect(try await pool.withConnection { $0.token } == 1)
        vault.token.withLock { $0 = 2 }
        pool.evictAll()
        #expect(try await pool.withConnection { $0.token } == 2)
        await pool.close()
        await settle(clock)
    }
}
