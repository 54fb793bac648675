// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
@_spi(Callbacks) import LockPool
import PoolTesting
import Synchronization
import Testing

/// Checkouts without a task: blocked threads and callbacks.
@Suite(.timeLimit(.minutes(5))) struct BlockingCheckoutTests {
    private func makePool(_ factory: ScriptedFactory) throws -> ConnectionPool<ScriptedFactory> {
        try ConnectionPool(
            factory: factory,
            configuration: .init(maximumConnections: 1, checkoutTimeout: .seconds(300), connectTimeout: .seconds(300))
        )
    }

    private final class Order: Sendable {
        private let noted = Mutex<[Int]>([])
        var numbers: [Int] { noted.withLock { $0 } }

        func note(_ number: Int) { noted.withLock { $0.append(number) } }
    }

    /// Runs `body` on a thread of its own.
    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    @Test(
        "A blocked thread gets a new connection and later an idle one, and both leases have its call site"
    )
    func blocking() async throws {
        let pool = try makePool(ScriptedFactory())
        for _ in 0..<2 {
            let (site, line) = try await onThread {
                let line: UInt = #line + 1
                let lease = try pool.getOrCreateBlocking()
                let site = pool.snapshot.oldestLease?.callSite
                lease.release()
                return (site, line)
            }
            #expect(site == "\(#fileID):\(line)")
        }
        #expect(pool.status.idle == 1)
        await pool.close()
    }

    @Test("A thread and tasks wait in one line, in FIFO order")
    func order() async throws {
        let pool = try makePool(ScriptedFactory())
        let order = Order()
        let held = try await pool.getOrCreate()
        let first = Task { try await pool.withConnection { _ in order.note(1) } }
        await eventually { pool.status.waiting == 1 }
        let second = Task {
            try await onThread {
                let lease = try pool.getOrCreateBlocking()
                order.note(2)
                lease.release()
            }
        }
        await eventually { pool.status.waiting == 2 }
        let third = Task { try await pool.withConnection { _ in order.note(3) } }
        await eventually { pool.status.waiting == 3 }
        held.release()
        try await first.value
        try await second.value
        try await third.value
        #expect(order.numbers == [1, 2, 3])
        await pool.close()
    }

    @Test("A thread without a connection is refused at its deadline, and at once by a closed pool")
    func refusals() async throws {
        let pool = try makePool(ScriptedFactory())
        let line: UInt = #line + 1
        let held = try await pool.getOrCreate()
        let late = await #expect(throws: PoolError.self) {
            try await onThread { try pool.getOrCreateBlocking(timeout: .zero).release() }
        }
        #expect(late?.code == .timedOut)
        #expect(late?.oldestLease?.callSite == "\(#fileID):\(line)")
        held.release()
        await pool.close()
        let closed = await #expect(throws: PoolError.self) {
            try await onThread { try pool.getOrCreateBlocking().release() }
        }
        #expect(closed?.code == .closed)
    }

    @Test("The lease of a callback has the call site of its caller")
    func callback() async throws {
        final class Waiter: Sendable {
            let pool: ConnectionPool<ScriptedFactory>
            let start: WaitStart
            let site = Mutex<String?>(nil)

            init(_ pool: ConnectionPool<ScriptedFactory>) {
                self.pool = pool
                start = pool.beginWait()
            }
        }
        let pool = try makePool(ScriptedFactory())
        let waiter = Waiter(pool)
        let context = unsafe Unmanaged.passRetained(waiter)
        _ = try unsafe pool.wait(context: context.toOpaque(), timeout: .seconds(300), since: waiter.start) {
            context,
            turn in
            let waiter = unsafe Unmanaged<Waiter>.fromOpaque(context).takeRetainedValue()
            let caller = CallSite("Callers.swift", 7)
            guard
                let lease = try? unsafe waiter.pool.lease(Turn(rawValue: turn), for: caller, waitedSince: waiter.start)
            else { return }
            waiter.site.withLock { $0 = waiter.pool.snapshot.oldestLease?.callSite }
            lease.release()
        }
        await eventually { waiter.site.withLock { $0 } != nil }
        #expect(waiter.site.withLock { $0 } == "Callers.swift:7")
        await pool.close()
    }
}
