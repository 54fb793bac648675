// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// The instruments themselves.
@Suite(.timeLimit(.minutes(10))) struct PoolTestingTests {
    private let clock = ManualClock()

    // MARK: The clock

    @Test("The clock stands still until it is advanced, and wakes whose time has come in the order of their deadlines")
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

    @Test("A sleep whose deadline is over, or whose task is cancelled, does not begin")
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

    @Test("Calls follow their script, and then what comes after it")
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
        // One is open, and beside it there was one that failed.
        #expect(factory.record.open == 1 && factory.record.peak == 2)
        factory.script(.ping, [.fail()])
        let (first, second) = (await factory.ping(connection), await factory.ping(connection))
        #expect(!first && second)
        await factory.close(connection)
        #expect(factory.record.closed == [1] && factory.record.open == 0 && factory.record.openIDs.isEmpty)
    }

    @Test("A call that hangs goes on when it is let go, the oldest first, as it is told to")
    func hang() async throws {
        let factory = ScriptedFactory()
        factory.script(.connect, always: .hang)
        let first = Task { try await factory.connect().id }
        await factory.wait { $0.hanging(.connect) == 1 }
        let second = Task { try await factory.connect().id }
        await factory.wait { $0.hanging(.connect) == 2 }
        // A cancellation changes nothing, as with a peer that has gone.
        first.cancel()
        #expect(factory.record.hanging(.connect) == 2)
        await factory.letGo(.connect, failing: ScriptedFailure("late"))
        await #expect(throws: ScriptedFailure("late")) { _ = try await first.value }
        factory.letGoOfAll()
        #expect(try await second.value == 1)
        #expect(factory.record.hanging(.connect) == 0 && factory.record.peak == 2)
    }

    @Test("A connection can be soiled and reset, and be broken for good, from within and from the other side")
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

    @Test("An interruption ends a use that hangs, of its connection and no other")
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

    @Test("A connection's age is that of its clock")
    func age() async throws {
        let factory = ScriptedFactory(clock: clock)
        clock.advance(by: .seconds(3))
        #expect(factory.age(of: 1) == nil)
        let connection = try await factory.connect()
        clock.advance(by: .seconds(4))
        #expect(factory.age(of: connection.id) == .seconds(4))
    }

    @Test("Who waits for something that does not come ends when the task is cancelled")
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
}
