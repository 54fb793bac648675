// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import LockPool
import Synchronization
import Testing

/// A wait causes no hops of an actor.
@Suite(.timeLimit(.minutes(10))) struct IsolationTests {
    /// Counts how often work is enqueued on its actor.
    private final class CountingExecutor: SerialExecutor {
        let count = Atomic(0)
        private let queue = DispatchQueue(label: "counting")

        func enqueue(_ job: consuming ExecutorJob) {
            count.add(1, ordering: .relaxed)
            let job = UnownedJob(job)
            queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }
    }

    private actor Home {
        nonisolated let executor = CountingExecutor()
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

        /// The number of returns to the actor during `body`.
        func returns(during body: nonisolated(nonsending) () async -> Void) async -> Int {
            let before = executor.count.load(ordering: .relaxed)
            await body()
            return executor.count.load(ordering: .relaxed) - before
        }
    }

    @Test("A waiter on an actor does not leave it before its turn, and is back with its turn")
    func stays() async throws {
        let pool = LockPool(count: 1, maximumWaiters: 1) { $0 }
        let lease = try await pool.get()
        let home = Home()
        // A wait that is over before it has begun does not suspend: a return would follow an
        // unnecessary hop.
        let returns = await Task {
            await home.returns {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                do {
                    let other = try await pool.get()
                    other.release()
                    Issue.record("a cancelled task got an element")
                } catch {
                    home.preconditionIsolated("an error came back elsewhere")
                }
            }
        }.value
        #expect(returns == 0)
        // A longer wait returns once, or not at all if the waiter is served between its
        // enqueueing and its suspension.
        let waiter = Task {
            await home.returns {
                do { try await pool.get().release() } catch { Issue.record("\(error)") }
                home.preconditionIsolated("an element came back elsewhere")
            }
        }
        while pool.waiters == 0 { await Task.yield() }
        lease.release()
        #expect(await waiter.value <= 1)
    }
}
