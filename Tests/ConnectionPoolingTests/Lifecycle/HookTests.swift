// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Testing

/// Hooks that suspend, reject, or hang.
@Suite(.timeLimit(.minutes(10))) struct HookTests {
    private let clock = ManualClock()

    /// The point at which hooks wait.
    private final class Barrier: Sendable {
        private let waiting = Locked<[CheckedContinuation<Void, Never>]>([])

        var count: Int { waiting.withLock { $0.count } }

        func wait() async {
            await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
        }

        func open() {
            let all = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for continuation in all { continuation.resume() }
        }
    }

    @Test("A hook that rejects every new connection makes the caller back off, and the error names the hook")
    func refusal() async throws {
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, _ in false })
        let pool = try makePool(factory, clock, hooks: hooks)
        let isOver = Atomic(false)
        let task = Task {
            defer { isOver.store(true, ordering: .relaxed) }
            try await pool.withConnection(timeout: .seconds(120)) { _ in }
        }
        await clock.advance(inStepsOf: .milliseconds(100)) { isOver.load(ordering: .relaxed) }
        let error = await #expect(throws: PoolError.self) { try await task.value }
        #expect(error?.code == .timedOut)
        let refused = error?.underlying as? PoolError.HandOutRefused
        #expect(refused != nil && "\(error!)".contains("beforeHandOut"))
        // Pauses of up to 0.1, 0.2, 0.4, … 5 seconds, at random.
        #expect(3..<200 ~= factory.connects, "\(factory.connects)")
        // An attempt may still run when the caller gives up.
        #expect(abs(factory.connects - (refused?.refusals ?? 0)) <= 1)
    }

    @Test("Without back-off, a hook that rejects a new connection fails the caller")
    func refusalWithoutBackOff() async throws {
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, _ in false })
        let pool = try makePool(factory, clock, hooks: hooks) {
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
        }
        let error = await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        #expect(error?.code == .connectFailed && error?.underlying is PoolError.HandOutRefused)
        #expect(factory.connects == 1)
    }

    @Test("A hook that rejects used connections causes no back-off")
    func refusalOfUsed() async throws {
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, status in status.uses == 0 })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        for id in 1...5 { #expect(try await pool.withConnection { $0.id } == id) }
    }

    @Test("Hooks receive the age, the idle time and the uses of a connection, and a keepalive is not a use")
    func status() async throws {
        let seen = Locked<[ConnectionStatus]>([])
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(
            beforeHandOut: { _, status in
                await Task.yield()
                seen.withLock { $0.append(status) }
                return true
            },
            afterReturn: { _, status in
                await Task.yield()
                seen.withLock { $0.append(status) }
                return .reusable
            }
        )
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks) { $0.keepAliveInterval = .seconds(10) }
        try await pool.withConnection { _ in clock.advance(by: .seconds(3)) }
        await eventually { pool.status.idle == 1 }
        await clock.advance { factory.record.count(of: .ping) == 2 }
        await eventually { pool.status.idle == 1 }
        let idleTime = ManualClock.Instant().duration(to: clock.now) - .seconds(3)
        try await pool.withConnection { _ in }
        await eventually { pool.status.idle == 1 }
        #expect(
            seen.withLock { $0 } == [
                .init(age: .zero, idleTime: .zero, uses: 0),
                .init(age: .seconds(3), idleTime: .zero, uses: 1),
                .init(age: .seconds(3) + idleTime, idleTime: idleTime, uses: 1),
                .init(age: .seconds(3) + idleTime, idleTime: .zero, uses: 2),
            ]
        )
    }

    @Test("A hook before hand-out that hangs loses its connection at its deadline, and the caller gets another one")
    func hangBeforeHandOut() async throws {
        let factory = ScriptedFactory()
        let barrier = Barrier()
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { connection, _ in
            if connection.id == 1 { await barrier.wait() }
            return true
        })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        let isServed = Atomic(false)
        let task = Task {
            try await pool.withConnection { connection in
                isServed.store(true, ordering: .relaxed)
                return connection.id
            }
        }
        await eventually { barrier.count == 1 }
        await clock.advance { isServed.load(ordering: .relaxed) }
        #expect(try await task.value == 2)
        barrier.open()
        await factory.wait { $0.closed == [1] }
    }

    @Test("A cancelled caller leaves a hook that hangs, and the connection goes to the pool")
    func cancelDuringHook() async throws {
        let factory = ScriptedFactory()
        let barrier = Barrier()
        let isFirst = Atomic(true)
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, _ in
            if isFirst.exchange(false, ordering: .relaxed) { await barrier.wait() }
            return true
        })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        let task = Task { try await pool.withConnection { _ in } }
        await eventually { barrier.count == 1 }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        barrier.open()
        #expect(try await pool.withConnection { $0.id } == 1)
    }

    @Test("A hook after the return runs after the lease, and the next caller waits for it")
    func suspendingAfterReturn() async throws {
        let factory = ScriptedFactory()
        let barrier = Barrier()
        let hooks = ConnectionHooks<ScriptedConnection>(afterReturn: { _, status in
            if status.uses == 1 { await barrier.wait() }
            return .reusable
        })
        let pool = try makePool(factory, clock, maximum: 1, hooks: hooks)
        try await pool.withConnection { _ in }
        await eventually { barrier.count == 1 }
        let waiter = await inLine(1, of: pool)
        #expect(pool.status.changing == 1)
        barrier.open()
        #expect(try await waiter.value == 1)
    }

    @Test("A pool with a hook before hand-out gives tryGet no connection")
    func tryGet() async throws {
        let factory = ScriptedFactory()
        let hooks = ConnectionHooks<ScriptedConnection>(beforeHandOut: { _, _ in true })
        let pool = try makePool(factory, clock, hooks: hooks)
        try await pool.withConnection { _ in }
        #expect(pool.status.idle == 1)
        let lease = pool.tryGet()
        if lease != nil { Issue.record("a connection was handed out without its hook") }
    }
}
