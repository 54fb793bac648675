// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// The tools of PoolTesting.
@Suite(.timeLimit(.minutes(10))) struct PoolTestingTests {
    private let clock = ManualClock()

    // MARK: The clock

    @Test("The clock stands still until it is advanced, and wakes sleepers in the order of their deadlines")
    func clockOrder() async throws {
        let woken = Locked<[Int]>([])
        let tasks = [3, 1, 2, 9].map { seconds in
            Task { [clock] in
                try await clock.sleep(for: .seconds(seconds))
                woken.withLock { $0.append(seconds) }
            }
        }
        await clock.waitForSleepers(4)
        #expect(clock.deadlines == [.seconds(1), .seconds(2), .seconds(3), .seconds(9)])
        #expect(clock.now == .init() && woken.withLock { $0.isEmpty })
        await clock.advance { woken.withLock { $0.count } == 3 }
        #expect(woken.withLock { $0 } == [1, 2, 3])
        tasks[3].cancel()
        await #expect(throws: CancellationError.self) { try await tasks[3].value }
        #expect(clock.deadlines.isEmpty)
    }

    @Test("A sleep whose deadline has passed, or whose task is cancelled, does not begin")
    func clockAtOnce() async throws {
        clock.advance(by: .seconds(5))
        try await clock.sleep(until: .init(), tolerance: nil)
        let task = Task { [clock] in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await clock.sleep(for: .seconds(1))
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    // MARK: The factory

    @Test("Calls follow their script, and then its default step")
    func script() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, [.fail(ScriptedFailure("first")), .succeed], then: .fail(ScriptedFailure("rest")))
        await #expect(throws: ScriptedFailure("first")) { _ = try await factory.connect().id }
        let connection = try await factory.connect()
        #expect(connection.id == 1)
        for _ in 0..<2 {
            await #expect(throws: ScriptedFailure("rest")) { _ = try await factory.connect().id }
        }
        #expect(factory.record.count(of: .connect) == 4)
        // One connection is open, and one attempt failed beside it.
        #expect(factory.record.open == 1 && factory.record.peak == 2)
        factory.script(.ping, [.fail()])
        let (first, second) = (await factory.ping(connection), await factory.ping(connection))
        #expect(!first && second)
        await factory.close(connection)
        #expect(factory.record.closed == [1] && factory.record.open == 0 && factory.record.openIDs.isEmpty)
    }

    @Test("A hanging call ends when the test resumes it, oldest first, with the given result")
    func hang() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .hang)
        let first = Task { try await factory.connect().id }
        await factory.wait { $0.hanging(.connect) == 1 }
        let second = Task { try await factory.connect().id }
        await factory.wait { $0.hanging(.connect) == 2 }
        // A cancellation has no effect, as with a vanished server.
        first.cancel()
        #expect(factory.record.hanging(.connect) == 2)
        await factory.letGo(.connect, failing: ScriptedFailure("late"))
        await #expect(throws: ScriptedFailure("late")) { _ = try await first.value }
        factory.letGoOfAll()
        #expect(try await second.value == 1)
        #expect(factory.record.hanging(.connect) == 0 && factory.record.peak == 2)
    }

    @Test("A connection can be soiled and reset, and be broken for good, by its holder and by the server")
    func health() async throws {
        let factory = ScriptedFactory()
        let connection = try await factory.connect()
        #expect(factory.inspect(connection) == .reusable)
        connection.soil()
        #expect(factory.inspect(connection) == .needsReset)
        let wasReset = await factory.reset(connection)
        #expect(wasReset && factory.inspect(connection) == .reusable)
        let other = try await factory.connect()
        factory.breakConnection(1)
        #expect(factory.inspect(connection) == .broken && factory.inspect(other) == .reusable)
        let answers = await factory.ping(connection)
        let mended = await factory.reset(connection)
        #expect(!answers && !mended)
        await #expect(throws: ScriptedFailure.self) { try await connection.use() }
        factory.breakAllConnections()
        #expect(factory.inspect(other) == .broken)
        let next = try await factory.connect()
        #expect(factory.inspect(next) == .reusable)
        next.breakDown()
        #expect(factory.inspect(next) == .broken)
    }

    @Test("An interruption ends a use that hangs, of its connection only")
    func interruption() async throws {
        let factory = ScriptedFactory()
        factory.script(.use, always: .hang)
        func use(_ interrupt: Locked<(@Sendable () -> Void)?>) -> Task<Void, any Error> {
            Task {
                let connection = try await factory.connect()
                interrupt.withLock { $0 = factory.interruption(of: connection) }
                try await connection.use()
            }
        }
        let interrupt = Locked<(@Sendable () -> Void)?>(nil)
        let first = use(interrupt)
        await factory.wait { $0.hanging(.use) == 1 }
        let second = use(Locked(nil))
        await factory.wait { $0.hanging(.use) == 2 }
        interrupt.withLock { $0 }?()
        await #expect(throws: ScriptedFailure.self) { try await first.value }
        #expect(factory.record.interrupted == [1] && factory.record.hanging(.use) == 1)
        factory.letGoOfAll()
        try await second.value
    }

    @Test("A connection's age is measured by its clock")
    func age() async throws {
        let factory = ScriptedFactory(clock: clock)
        clock.advance(by: .seconds(3))
        #expect(factory.age(of: 1) == nil)
        let connection = try await factory.connect()
        clock.advance(by: .seconds(4))
        #expect(factory.age(of: connection.id) == .seconds(4))
    }

    @Test("A wait for a condition that never holds ends when the task is cancelled")
    func cancelledWait() async {
        let factory = ScriptedFactory()
        let waiter = Task { await factory.wait { $0.open == 7 } }
        let poller = Task { await eventually { false } }
        let mover = Task { [clock] in await clock.advance { false } }
        waiter.cancel()
        poller.cancel()
        mover.cancel()
        await waiter.value
        await poller.value
        await mover.value
    }

    @Test("A wait for a condition that never holds fails with a message that names it and its call site")
    func boundedWaits() async throws {
        let failure = await #expect(throws: ConditionNotMet.self) {
            try await eventually("pigs fly", within: .zero) { false }
        }
        #expect(failure.map { "\($0)" }?.contains("pigs fly") == true)
        #expect(failure.map { "\($0)" }?.contains("PoolTestingTests.swift") == true)
        let late = await #expect(throws: ConditionNotMet.self) {
            try await clock.advance("an hour has gone", within: .zero) { false }
        }
        #expect(late.map { "\($0)" }?.contains("an hour has gone") == true)
        try await eventually("it holds", within: .zero) { true }
        try await clock.advance("it holds", within: .zero) { true }
        let cancelled = Task { try await eventually("pigs fly") { false } }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
    }

    @Test("A call takes its time on the factory's clock, unless its task is cancelled")
    func slowCalls() async throws {
        let factory = ScriptedFactory(clock: clock)
        factory.script(.connect, always: .take(.seconds(3)))
        let first = Task { try await factory.connect().id }
        await clock.waitForSleepers()
        #expect(clock.deadlines == [.seconds(3)] && factory.record.connected.isEmpty)
        clock.advance(by: .seconds(3))
        #expect(try await first.value == 1)
        let second = Task { try await factory.connect().id }
        await clock.waitForSleepers()
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(factory.open == 1)
    }

    @Test("A call that hangs until cancelled ends with its task, or when the test resumes it")
    func cancellableHang() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .hangUntilCancelled)
        let first = Task { try await factory.connect().id }
        await factory.wait { $0.hanging(.connect) == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(factory.record.hanging(.connect) == 0)
        let early = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await factory.connect().id
        }
        await #expect(throws: CancellationError.self) { try await early.value }
        let second = Task { try await factory.connect().id }
        await factory.letGo(.connect)
        #expect(try await second.value == 1)
    }

    @Test("A pool's connect timeout cancels an attempt that supports it, and leaves no connection")
    func cancelledConnect() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, [.hangUntilCancelled])
        let pool = try makePool(factory, clock, maximum: 1) { $0.connectTimeout = .seconds(5) }
        let caller = Task { try await pool.withConnection { $0.id } }
        try await clock.advance("the second connect has succeeded") { factory.record.connected == [1] }
        #expect(try await caller.value == 1)
        #expect(factory.open == 1)
    }

    @Test("Leases can be held together, and are released oldest first, the rest at the end of the object")
    func heldLeases() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 3)
        var held: HeldLeases<ScriptedFactory>? = HeldLeases()
        try await held?.lease(3, of: pool)
        #expect(held?.count == 3 && pool.status.leased == 3)
        guard let first = held?.takeFirst() else {
            Issue.record("no lease is held")
            return
        }
        let id = first.connection.id
        #expect(id == 1 && held?.count == 2)
        held?.releaseFirst()
        #expect(pool.status.leased == 2 && pool.status.idle == 1)
        held = nil
        #expect(pool.status.leased == 1)
        first.release()
        #expect(pool.status.leased == 0)
    }
}
