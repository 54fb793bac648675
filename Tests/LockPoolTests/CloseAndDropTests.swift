// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Testing

@Suite(.timeLimit(.minutes(10))) struct CloseAndDropTests {
    @Test("close fails waiters and new callers, and destroys idle elements now and leased ones on return")
    func close() async throws {
        let census = Census()
        let pool = LockPool(count: 2, maximumWaiters: 2) { Tracked($0, in: census) }
        let first = pool.tryGet()!
        let second = pool.tryGet()!
        let waiter = await pool.taskInLine(1) { try await pool.get().element.number }
        second.release()
        #expect(try await waiter.value >= 0)
        await until { pool.waiters == 0 }
        let held = pool.tryGet()!
        let last = await pool.taskInLine(1) { try await pool.get().element.number }
        held.release()
        _ = try await last.value
        let again = pool.tryGet()!
        let failing = await pool.taskInLine(1) { try await pool.get().element.number }
        pool.close()
        pool.close()
        #expect(pool.isClosed)
        let error = await #expect(throws: LockPoolError.self) { try await failing.value }
        #expect(error?.code == .closed)
        let late = await #expect(throws: LockPoolError.self) { _ = try await pool.get() }
        #expect(late?.code == .closed)
        #expect(pool.givesNothing)
        #expect(census.living == 2)
        first.release()
        #expect(census.living == 1)
        again.release()
        #expect(census.living == 0)
        #expect(!pool.hasVacancy)
    }

    @Test("A pool may be dropped with guards and reservations; each element is destroyed once")
    func drop() async throws {
        let census = Census()
        let lease: LockGuard<Tracked>
        let taken: LockGuard<Tracked>
        let reservation: Reservation<Tracked>
        do {
            let pool = LockPool(count: 4, maximumWaiters: 2) { Tracked($0, in: census) }
            pool.tryGet()!.discard()
            reservation = pool.tryReserve()!
            lease = pool.tryGet()!
            taken = pool.tryGet()!
            #expect(census.living == 3)
        }
        #expect(census.living == 2)
        reservation.fulfill(Tracked(9, in: census))
        #expect(census.living == 2)
        #expect(lease.element.number < 4)
        lease.release()
        #expect(census.living == 1)
        withExtendedLifetime(taken.take()) {}
        #expect(census.living == 0)
    }

    @Test("close, drop and the return of guards are safe from several threads at once")
    func races() async {
        let census = Census()
        for round in 0..<500 {
            let pool = LockPool(count: 4, maximumWaiters: 4) { Tracked($0, in: census) }
            await withDiscardingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        for _ in 0..<3 {
                            guard let lease = try? await pool.get() else { break }
                            if round % 3 == 0 { await Task.yield() }
                            lease.release()
                        }
                    }
                }
                if round % 2 == 0 {
                    group.addTask { pool.close() }
                    group.addTask { pool.close() }
                }
            }
        }
        #expect(census.living == 0)
    }

    @Test("An error says what to do")
    func descriptions() async throws {
        let pool = LockPool(count: 3, maximumWaiters: 0) { $0 }
        pool.close()
        let error = await #expect(throws: LockPoolError.self) { _ = try await pool.get() }
        #expect(error?.description == "The pool is closed.")
        #expect(error?.code.description == "closed")
        #expect(error?.slots == 3)
    }
}
