// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import PoolTesting
import Testing

@testable import ConnectionPooling

/// The counts and histograms of a snapshot, and the reports based on them.
@Suite(.timeLimit(.minutes(10))) struct CountersTests {
    private let clock = ManualClock()

    private final class Reporter: PoolObserver {
        struct State {
            var sum = PoolCounters()
            var uses = 0
            var breaker: [String] = []
        }

        let state = Locked(State())

        func observe(_ event: PoolEvent, in pool: String) {
            switch event {
            case .breakerOpened(let cause):
                state.withLock { $0.breaker.append("opened: \(cause.map { "\($0)" } ?? "")") }
            case .breakerClosed: state.withLock { $0.breaker.append("closed") }
            default: break
            }
        }

        func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String) {
            let (counters, uses) = (snapshot.counters - previous.counters, snapshot.useTimes - previous.useTimes)
            state.withLock { state in
                state.sum.acquired += counters.acquired
                state.sum.created += counters.created
                state.sum.closed.merge(counters.closed) { $0 + $1 }
                state.uses += uses.count
            }
        }
    }

    @Test("A snapshot counts checkouts, attempts, and callers without a connection by their codes")
    func callers() async throws {
        let factory = ScriptedFactory([.fail()])
        let pool = try makePool(factory, clock, maximum: 1) { $0.maximumWaiters = 1 }
        let held = HeldLeases<ScriptedFactory>()
        let first = Task { try await held.lease(1, of: pool) }
        await clock.advance { held.count == 1 }
        try await first.value
        let waiter = await inLine(1, of: pool)
        await #expect(throws: PoolError.self) { try await pool.getOrCreate().release() }
        waiter.cancel()
        _ = await waiter.result
        await eventually { pool.status.waiting == 0 }
        let late = await inLine(1, of: pool, timeout: .seconds(1))
        await clock.advance { pool.snapshot.counters.timedOut == 1 }
        _ = await late.result
        held.releaseAll()
        let counters = pool.snapshot.counters
        #expect(counters.acquired == 1 && counters.created == 1 && counters.connectFailures == 1)
        #expect(counters.cancelled == 1 && counters.timedOut == 1 && counters.refused == 1)
        #expect(counters.refusals == [.cancelled: 1, .timedOut: 1, .tooManyWaiters: 1])
    }

    @Test("A snapshot counts the connections that have left the pool by reason")
    func ends() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 3) { $0.validateAfterIdle = .seconds(30) }
        try await pool.withConnection { $0.breakDown() }
        await eventually { pool.status.changing == 0 }
        try await pool.withConnection { _ in }
        factory.script(.ping, [.fail()])
        clock.advance(by: .seconds(31))
        try await pool.withConnection { _ in }
        await eventually { pool.snapshot.counters.validationFailures == 1 && pool.status.changing == 0 }
        let held = HeldLeases<ScriptedFactory>()
        try await held.lease(3, of: pool)
        held.releaseAll()
        try pool.resize(to: 2)
        await eventually { pool.status.idle == 2 }
        await pool.close()
        #expect(pool.snapshot.counters.closed == [.broken: 1, .failedTest: 1, .surplus: 1, .closed: 2])
    }

    @Test("The differences of the reports add up to all events of the pool, including its last lease")
    func reports() async throws {
        let reporter = Reporter()
        let pool = try makePool(ScriptedFactory(), clock, observers: [reporter])
        for _ in 0..<5 { try await pool.withConnection { _ in } }
        await clock.advance { reporter.state.withLock { $0.uses } == 5 }
        let lease = try await pool.getOrCreate()
        await clock.advance(seconds: 3)
        await pool.close()
        lease.release()
        // The thread of the maintenance may be reporting, and then makes the last report, too.
        await eventually { reporter.state.withLock { $0.sum.closed } == [.closed: 1] }
        #expect(reporter.state.withLock { $0.uses } == 6)
        let sum = reporter.state.withLock { $0.sum }
        #expect(sum.acquired == 6 && sum.created == 1 && sum.closed == [.closed: 1])
    }

    /// Holds the thread that passes on a report with a leased connection.
    private final class Gate: PoolObserver {
        let leased = Locked<[Int]>([])
        let isOpen = DispatchSemaphore(value: 0)

        func observe(_ event: PoolEvent, in pool: String) {}

        func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String) {
            if snapshot.status.leased > 0, leased.withLock({ $0.isEmpty }) {
                leased.withLock { $0.append(-1) }
                isOpen.wait()
            }
            leased.withLock { $0.append(snapshot.status.leased) }
        }
    }

    @Test("Reports arrive in order: the last is that of the last lease")
    func order() async throws {
        let gate = Gate()
        let pool = try makePool(ScriptedFactory(), clock, observers: [gate])
        let lease = try await pool.getOrCreate()
        let hasEnded = Locked(false)
        Thread.detachNewThread {
            pool.reportStatus()
            hasEnded.withLock { $0 = true }
        }
        await eventually { gate.leased.withLock { $0 } == [-1] }
        await pool.close()
        lease.release()
        gate.isOpen.signal()
        await eventually { hasEnded.withLock { $0 } }
        #expect(gate.leased.withLock { $0.last } == 0, "\(gate.leased.withLock { $0 })")
    }

    @Test("A pool that is dropped without being closed makes a last report")
    func drop() async throws {
        let reporter = Reporter()
        try await makePool(ScriptedFactory(), clock, observers: [reporter]).withConnection { _ in }
        await eventually { reporter.state.withLock { $0.sum.closed } == [.closed: 1] }
        #expect(reporter.state.withLock { $0.uses } == 1)
    }

    @Test("Observers receive each opening and closing of the circuit breaker once")
    func breaker() async throws {
        let reporter = Reporter()
        let factory = ScriptedFactory()
        factory.script(.connect, [.fail(), .fail(), .fail()])
        let pool = try makePool(factory, clock, observers: [reporter]) {
            $0.circuitBreakerThreshold = .zero
            $0.initialBackoff = .seconds(1)
        }
        await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        await eventually { reporter.state.withLock { $0.breaker }.count == 1 }
        #expect(reporter.state.withLock { $0.breaker } == ["opened: the script says so"])
        await clock.advance { pool.status.idle > 0 }
        await eventually { reporter.state.withLock { $0.breaker }.count == 2 }
        #expect(reporter.state.withLock { $0.breaker }.last == "closed")
        #expect(pool.snapshot.counters.connectFailures == 3)
    }

    @Test("A histogram has the exact sum, and buckets that contain the counted durations")
    func distribution() {
        let durations: [Duration] = [.nanoseconds(3), .microseconds(7), .microseconds(7), .seconds(2)]
        let distribution = DurationHistogram(durations)
        #expect(distribution.count == 4 && distribution.sum == durations.reduce(.zero, +))
        let buckets = distribution.buckets
        #expect(buckets.map(\.count) == [1, 2, 1])
        for (bucket, duration) in zip(buckets, [durations[0], durations[1], durations[3]]) {
            #expect((bucket.lowerBound...bucket.upperBound).contains(duration))
        }
        let difference = distribution - DurationHistogram([.microseconds(7), .nanoseconds(3)])
        #expect(difference == DurationHistogram([.microseconds(7), .seconds(2)]))
        #expect(
            DurationHistogram().count == 0 && DurationHistogram().buckets.isEmpty && DurationHistogram().sum == .zero
        )
    }

    @Test(
        "The representatives of a histogram have the number, the buckets and the sum of the counted durations",
        arguments: [[5], [3], [100, 100, 101], [9, 1_000, 1_300, 2_000_000], [7, 90_000_000_123]] as [[Int]]
    )
    func representatives(_ nanoseconds: [Int]) {
        let distribution = DurationHistogram(nanoseconds.map { .nanoseconds($0) })
        var given: [Int64] = []
        distribution.forEachRepresentative { given.append($0) }
        #expect(DurationHistogram(given.map { .nanoseconds($0) }).buckets == distribution.buckets)
        let error = given.reduce(0, +) - Int64(nanoseconds.reduce(0, +))
        // A nanosecond of rounding for each, and a few because the first buckets have two values
        // each.
        #expect(abs(error) <= given.count + 4)
        if nanoseconds.count == 1 { #expect(given == [Int64(nanoseconds[0])]) }
    }
}
