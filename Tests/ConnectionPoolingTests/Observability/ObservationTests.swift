// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// The events, snapshots and names of a pool.
@Suite(.timeLimit(.minutes(10))) struct ObservationTests {
    private let clock = ManualClock()

    private final class Listener: PoolObserver {
        let events = Locked<[String]>([])
        var observesUses: Bool { true }

        func observe(_ event: PoolEvent, in pool: String) { events.withLock { $0.append("\(event)") } }
    }

    @Test("A lease that lasts too long is reported once with its call site, and again when it has ended")
    func leaks() async throws {
        let listener = Listener()
        let pool = try makePool(ScriptedFactory(), clock, observers: [listener]) {
            $0.leakDetectionThreshold = .seconds(30)
        }
        let lease = try await pool.getOrCreate()
        func count(_ name: String) -> Int {
            listener.events.withLock {
                $0.filter { $0.hasPrefix(name) && $0.contains("ObservationTests.swift") }.count
            }
        }
        await clock.advance { count("leaked") == 1 }
        await clock.advance(seconds: 20)
        #expect(count("leaked") == 1)
        #expect(pool.snapshot.oldestLease?.callSite.contains("ObservationTests.swift") == true)
        lease.release()
        #expect(count("recovered") == 1)
    }

    @Test("A snapshot contains the durations of waits and uses")
    func snapshot() async throws {
        let pool = try makePool(ScriptedFactory(), clock, maximum: 1)
        // The pool is far older than the wait.
        clock.advance(by: .seconds(1_000))
        let lease = try await pool.getOrCreate()
        let waiter = await inLine(1, of: pool)
        clock.advance(by: .seconds(8))
        lease.release()
        _ = try await waiter.value
        let snapshot = pool.snapshot
        #expect(snapshot.useTimes.count == 2 && snapshot.waitTimes.count == 2)
        #expect((.seconds(8) ... .seconds(10)).contains(snapshot.useTimes.quantile(1)))
        #expect((.seconds(8) ... .seconds(10)).contains(snapshot.waitTimes.quantile(1)))
    }

    @Test("A lease that ends in time is not reported, and each that does not is reported once")
    func timelyLeases() async throws {
        let listener = Listener()
        let pool = try makePool(ScriptedFactory(), clock, observers: [listener]) {
            $0.leakDetectionThreshold = .seconds(30)
        }
        for _ in 0..<3 {
            let lease = try await pool.getOrCreate()
            await clock.advance(seconds: 20)
            lease.release()
        }
        func reports() -> [String] { listener.events.withLock { $0.filter { $0.hasPrefix("leaked") } } }
        #expect(reports().isEmpty)
        let first = try await pool.getOrCreate()
        await clock.advance(seconds: 5)
        let second = try await pool.getOrCreate()
        await clock.advance { reports().count == 2 }
        #expect(Set(reports()).count == 2)
        first.release()
        second.release()
    }

    @Test("Tests of users can create statuses, errors and snapshots")
    func values() {
        let status = PoolStatus(maximum: 4, leased: 3, idle: 1, waiting: 2)
        let lease = PoolSnapshot.Lease(callSite: "Handler.swift:7", age: .seconds(40))
        let error = PoolError(.timedOut, pool: "orders", status: status, waited: .seconds(5), oldestLease: lease)
        #expect(error.status?.leased == 3 && error.waited == .seconds(5) && error.oldestLease == lease)
        #expect("\(error)".contains("orders") && "\(error)".contains("Handler.swift:7"))
        let snapshot = PoolSnapshot(
            status: status,
            counters: PoolCounters(acquired: 9, closed: [.idle: 2], refusals: [.timedOut: 1, .deadlock: 1]),
            waitTimes: DurationHistogram([.milliseconds(5)]),
            oldestLease: lease,
            lastConnectFailure: "refused"
        )
        #expect(snapshot.waitTimes.count == 1 && snapshot.useTimes.count == 0)
        #expect(snapshot.counters.timedOut == 1 && snapshot.counters.refused == 1)
    }

    @Test("Unnamed pools have unique names")
    func names() throws {
        func pool(_ configuration: ConnectionPoolConfiguration) throws -> ConnectionPool<ScriptedFactory> {
            try ConnectionPool(factory: ScriptedFactory(), configuration: configuration)
        }
        let unnamed = [try pool(.init()), try pool(.init())].map(\.configuration.name)
        #expect(Set(unnamed).count == 2 && unnamed.allSatisfy { $0.hasPrefix("connections") })
        #expect(try pool(.init(name: "orders")).configuration.name == "orders")
    }

    @Test("An observer receives the reason of each close")
    func ends() async throws {
        let listener = Listener()
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 1, observers: [listener]) {
            $0.validateAfterIdle = .seconds(30)
            $0.idleTimeout = .seconds(100)
            $0.maximumUses = 5
        }
        func heard(_ end: ConnectionEnd) -> Bool {
            listener.events.withLock { $0.contains { $0.hasPrefix("closing") && $0.contains("\(end)") } }
        }
        try await pool.withConnection { $0.breakDown() }
        await eventually { heard(.broken) && pool.status.changing == 0 }
        try await pool.withConnection { _ in }
        factory.script(.ping, [.fail()])
        clock.advance(by: .seconds(31))
        try await pool.withConnection { _ in }
        await eventually { heard(.failedTest) }
        await clock.advance { heard(.idle) && pool.status.changing == 0 }
        for _ in 0..<5 { try await pool.withConnection { _ in } }
        await eventually { heard(.expired) && pool.status.changing == 0 }
        try await pool.withConnection { _ in }
        pool.evictAll()
        await eventually { heard(.evicted) }
    }
}
