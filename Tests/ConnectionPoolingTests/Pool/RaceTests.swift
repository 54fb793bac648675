// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

/// Pairs of concurrent operations, repeated in many orders.
///
/// Each round ends with its connections accounted for: as many closed as opened, never more than
/// the maximum, and no caller left in line.
@Suite(.timeLimit(.minutes(10))) struct RaceTests {
    private let clock = ManualClock()

    /// Runs both in tasks of their own, which start as close together as possible, in alternating
    /// order.
    private func together(
        _ round: Int,
        _ first: @escaping @Sendable () async -> Void,
        _ second: @escaping @Sendable () async -> Void
    ) async {
        let ready = Locked(0)
        await withDiscardingTaskGroup { group in
            for (number, work) in [first, second].enumerated() {
                group.addTask {
                    ready.withLock { $0 += 1 }
                    while ready.withLock({ $0 }) < 2 { await Task.yield() }
                    // From the first three before the second to the second three before the
                    // first.
                    for _ in 0..<(number == 0 ? max(0, round % 7 - 3) : max(0, 3 - round % 7)) { await Task.yield() }
                    await work()
                }
            }
        }
    }

    /// Closes the pool and checks that every opened connection is closed.
    private func account(
        for factory: ScriptedFactory,
        of pool: ConnectionPool<ScriptedFactory>,
        maximum: Int
    ) async {
        await pool.close()
        // An attempt may not have begun yet and so is in no record: a shutdown waits for it.
        await pool.shutdown()
        let record = factory.record
        #expect(record.open == 0)
        #expect(record.connected.sorted() == record.closed.sorted())
        #expect(record.peak <= maximum)
        // The thread that closes a connection frees its slot afterwards.
        await eventually { pool.status.leased == 0 && pool.status.waiting == 0 }
    }

    @Test("Cancel before enqueue: no caller waits forever, and no connection is lost")
    func cancelBeforeEnqueue() async throws {
        for round in 0..<300 {
            let factory = ScriptedFactory()
            let pool = try makePool(factory, clock, maximum: 1)
            let lease = round.isMultiple(of: 2) ? try await pool.getOrCreate() : nil
            let task = Task { try await pool.withConnection { $0.id } }
            for _ in 0..<round % 4 { await Task.yield() }
            task.cancel()
            if let lease { lease.release() }
            do {
                let id = try await task.value
                #expect(id == 1)
            } catch {
                #expect(error is CancellationError)
            }
            #expect(pool.status.waiting == 0)
            await account(for: factory, of: pool, maximum: 1)
        }
        await settle(clock)
    }

    @Test("Cancel during create: the connection goes to the caller or becomes idle, and no second one is made")
    func cancelDuringCreate() async throws {
        for round in 0..<300 {
            let factory = ScriptedFactory([.hang])
            let pool = try makePool(factory, clock, maximum: 1)
            let task = Task { try await pool.withConnection { $0.id } }
            await factory.wait { $0.hanging(.connect) == 1 }
            await together(round) {
                task.cancel()
            } _: {
                await factory.letGo(.connect)
            }
            do {
                let id = try await task.value
                #expect(id == 1)
            } catch {
                #expect(error is CancellationError)
            }
            await eventually { pool.status.idle == 1 }
            #expect(factory.connects == 1)
            await account(for: factory, of: pool, maximum: 1)
        }
        await settle(clock)
    }

    @Test(
        "Return against timeout: the caller gets the connection or its error, and the connection is not lost"
    )
    func returnAgainstTimeout() async throws {
        for round in 0..<300 {
            let clock = ManualClock()
            let factory = ScriptedFactory()
            let pool = try makePool(factory, clock, maximum: 1)
            let lease = Locked<ConnectionLease<ScriptedFactory>?>(try await pool.getOrCreate())
            let task = await inLine(1, of: pool, timeout: .milliseconds(1_500))
            await eventually { clock.deadlines.contains(.milliseconds(1_500)) }
            await together(round) {
                lease.withLock { $0.take() }?.release()
            } _: {
                clock.advance(by: .milliseconds(1_500))
            }
            do {
                let id = try await task.value
                #expect(id == 1)
            } catch let error as PoolError {
                #expect(error.code == .timedOut)
            }
            #expect(pool.status.idle == 1 && pool.status.waiting == 0)
            #expect(try await pool.withConnection { $0.id } == 1)
            await account(for: factory, of: pool, maximum: 1)
            if round.isMultiple(of: 50) { await settle(clock) }
        }
    }

    @Test("Close against create: the caller gets the connection or its error, and the connection is closed")
    func closeAgainstCreate() async throws {
        for round in 0..<300 {
            let factory = ScriptedFactory([.hang])
            let pool = try makePool(factory, clock, maximum: 1)
            let task = Task { try await pool.withConnection { $0.id } }
            await factory.wait { $0.hanging(.connect) == 1 }
            let ends = round.isMultiple(of: 2)
            await together(round) {
                if ends { await pool.close() } else { await pool.shutdown(drain: .zero) }
            } _: {
                await factory.letGo(.connect)
            }
            do {
                let id = try await task.value
                #expect(id == 1)
            } catch let error as PoolError {
                #expect(error.code == .closed)
            }
            await account(for: factory, of: pool, maximum: 1)
        }
        await settle(clock)
    }

    @Test("Keepalive against shutdown: the tested connection is closed once, and the shutdown ends")
    func keepAliveAgainstShutdown() async throws {
        for round in 0..<200 {
            let clock = ManualClock()
            let factory = ScriptedFactory()
            factory.script(.ping, always: round.isMultiple(of: 3) ? .fail() : .succeed)
            let pool = try makePool(factory, clock) { $0.keepAliveInterval = .seconds(1) }
            try await pool.withConnection { _ in try await pool.withConnection { _ in } }
            await eventually { clock.deadlines.contains(.seconds(1)) }
            // The pool's maintenance, and with it the tests, begin as the clock advances.
            await together(round) {
                clock.advance(by: .seconds(1))
            } _: {
                await pool.shutdown(drain: .seconds(10))
            }
            #expect(factory.open == 0)
            await account(for: factory, of: pool, maximum: 2)
            if round.isMultiple(of: 50) { await settle(clock) }
        }
    }

    @Test(
        "Resize against everything: the maximum holds, every caller has a result, and every connection is closed in the end"
    )
    func resizeAgainstEverything() async throws {
        let factory = ScriptedFactory()
        let pool = try makePool(factory, clock, maximum: 8) {
            $0.maximumWaiters = 1_000
            $0.minimumConnections = 2
            $0.maximumUses = 20
            $0.initialBackoff = .zero
            $0.maximumBackoff = .zero
            $0.keepAliveInterval = .seconds(2)
            $0.idleTimeout = .seconds(5)
            // Longer than the clock advances: a late connection may be beyond the maximum.
            $0.checkoutTimeout = .seconds(1_000_000)
            $0.connectTimeout = .seconds(1_000_000)
            $0.resetTimeout = .seconds(1_000_000)
            $0.closeTimeout = .seconds(1_000_000)
        }
        let working = Locked(16)
        await withDiscardingTaskGroup { group in
            for worker in 0..<16 {
                group.addTask {
                    for turn in 0..<300 {
                        let task = Task {
                            try await pool.withConnection { connection in
                                await Task.yield()
                                switch (worker + turn) % 11 {
                                case 0: connection.breakDown()
                                case 1: connection.soil()
                                default: break
                                }
                            }
                        }
                        if (worker + turn) % 7 == 0 { task.cancel() }
                        do {
                            try await task.value
                        } catch is CancellationError {
                        } catch {
                            #expect((error as? PoolError)?.code == .connectFailed)
                        }
                    }
                    working.withLock { $0 -= 1 }
                }
            }
            group.addTask {
                var generator = SystemRandomNumberGenerator()
                while working.withLock({ $0 }) > 0 {
                    switch UInt8.random(in: 0..<8, using: &generator) {
                    case 0: pool.evictAll()
                    case 1:
                        pool.suspend()
                        await Task.yield()
                        pool.resume()
                    case 2: pool.inspectIdle()
                    case 3: factory.script(.connect, [.fail()])
                    case 4: clock.advance(by: .milliseconds(300))
                    default: try? pool.resize(to: .random(in: 1...8, using: &generator))
                    }
                    await Task.yield()
                }
            }
        }
        try pool.resize(to: 3)
        await eventually { factory.open <= 3 && pool.status.changing == 0 }
        #expect(pool.status.waiting == 0)
        await account(for: factory, of: pool, maximum: 8)
        await settle(clock)
    }

    @Test("Cancel, return and break against each other: the pool and the factory agree on the open connections")
    func returnAgainstCancel() async throws {
        for round in 0..<300 {
            let factory = ScriptedFactory()
            let pool = try makePool(factory, clock, maximum: 1)
            let lease = Locked<ConnectionLease<ScriptedFactory>?>(try await pool.getOrCreate())
            let first = await inLine(1, of: pool)
            let second = await inLine(2, of: pool)
            if round.isMultiple(of: 3) { factory.breakConnection(1) }
            await together(round) {
                lease.withLock { $0.take() }?.release()
            } _: {
                first.cancel()
            }
            _ = await first.result
            _ = try await second.value
            await eventually { pool.status.idle == 1 }
            await account(for: factory, of: pool, maximum: 1)
        }
        await settle(clock)
    }
}
