// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct PoolsWaitingTests {
    @Test("Callers wait for room in FIFO order")
    func order() async throws {
        try await withPools(.with(maximumOpenPools: 1)) { pools, _ in
            let use = try await HeldUse(pools, "first")
            let order = Locked<[String]>([])
            let keys = (0..<20).map { "key-\(($0 * 7) % 20)" }
            var tasks: [Task<Void, any Error>] = []
            for key in keys {
                tasks.append(await startWaitingUse(pools, key) { _ in order.withLock { $0.append(key) } })
            }
            try await use.end()
            for task in tasks { try await task.value }
            #expect(order.withLock { $0 } == keys)
        }
    }

    @Test("A caller whose time ends while all pools are in use gets an error, and its place is free")
    func timeout() async throws {
        let clock = ManualClock()
        let folder = try SampleFolder()
        let pools = try SQLitePools<String>(.with(maximumOpenPools: 1), clock: clock) { .path(folder.file($0)) }
        let use = try await HeldUse(pools, "a")
        let waiting = await startWaitingUse(pools, "b", timeout: .seconds(5)) { _ in }
        let patient = await startWaitingUse(pools, "c", timeout: .seconds(6)) { try await insert(1, into: $0) }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(5))
        let error = await #expect(throws: PoolError.self) { try await waiting.value }
        #expect(error?.code == .timedOut && error?.waited == .seconds(5) && error?.category == .busy)
        #expect(error?.description.contains("“b” did not become available in time: all 1 pools") == true)
        #expect(pools.snapshot.queued == 1)
        try await use.end()
        try await patient.value
        #expect(pools.snapshot.counters.opened == 2)
        await pools.close()
    }

    @Test("Too many callers are refused at once, and a cancelled one does not count")
    func tooManyWaiters() async throws {
        try await withPools(.with(maximumOpenPools: 1, maximumWaiters: 2)) { pools, _ in
            let use = try await HeldUse(pools, "a")
            let first = await startWaitingUse(pools, "b") { _ in }
            let second = await startWaitingUse(pools, "b") { _ in }
            let error = await #expect(throws: PoolError.self) { try await pools.withPool("c") { _ in } }
            #expect(error?.code == .tooManyWaiters)
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            let third = await startWaitingUse(pools, "c") { _ in }
            try await use.end()
            try await second.value
            try await third.value
        }
    }

    @Test("A cancelled caller that waits for room leaves its place, also if the task was cancelled before")
    func cancellation() async throws {
        try await withPools(.with(maximumOpenPools: 1)) { pools, folder in
            let use = try await HeldUse(pools, "a")
            let waiting = await startWaitingUse(pools, "b") { _ in }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(pools.snapshot.queued == 0 && pools.snapshot.waiting == 0)
            let cancelled = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await pools.withPool("b") { _ in _ = Issue.record("the body ran") }
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            // The pool in use stays open: no other key needs its room.
            try await use.end()
            #expect(pools.snapshot.open == 1 && pools.snapshot.counters.closed == 0)
            #expect(try !folder.names.contains("b.sqlite"))
        }
    }

    @Test("A cancelled caller does not end an opening that others wait for")
    func cancelledOpening() async throws {
        let gate = Rendezvous()
        let folder = try SampleFolder()
        let pools = try SQLitePools<String>(.with(maximumOpenPools: 1)) { key in
            gate.arrive()
            gate.wait()
            return .path(folder.file(key))
        }
        let first = await startWaitingUse(pools, "a") { _ in _ = Issue.record("the body ran") }
        await gate.arrived()
        let second = await startWaitingUse(pools, "a") { try await insert(1, into: $0) }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.release()
        try await second.value
        #expect(pools.snapshot.counters.opened == 1)
        await pools.close()
    }

    @Test("An opening that no caller waits for any more completes, and the pool stays open for the next one")
    func abandonedOpening() async throws {
        let gate = Rendezvous()
        let folder = try SampleFolder()
        let pools = try SQLitePools<String>(.with(maximumOpenPools: 1)) { key in
            gate.arrive()
            gate.wait()
            return .path(folder.file(key))
        }
        let first = await startWaitingUse(pools, "a") { _ in _ = Issue.record("the body ran") }
        await gate.arrived()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.release()
        try await eventually("the pool is open") { pools.snapshot.open == 1 }
        #expect(pools.snapshot.inUse == 0)
        try await pools.withPool("a") { try await insert(1, into: $0) }
        #expect(pools.snapshot.counters.opened == 1)
        await pools.close()
    }

    @Test("Pools that are in use without a pause do not exclude other keys")
    func constantUse() async throws {
        try await withPools(.with(maximumOpenPools: 2)) { pools, _ in
            // Two uses of each key overlap at any time.
            func overlapping(_ key: String, _ uses: inout [HeldUse]) async throws {
                uses.append(try await HeldUse(pools, key))
                if uses.count > 1 { try await uses.removeFirst().end() }
            }
            var (first, second): ([HeldUse], [HeldUse]) = ([], [])
            try await overlapping("a", &first)
            try await overlapping("b", &second)
            let waiting = await startWaitingUse(pools, "c") { try await insert(1, into: $0) }
            // The pool of a has been in use for longer. Its next caller waits behind c.
            let next = await startWaitingUse(pools, "a") { try await insert(1, into: $0) }
            try await overlapping("b", &second)
            try await first[0].end()
            try await waiting.value
            try await next.value
            for use in second { try await use.end() }
            #expect(pools.snapshot.counters.closed >= 1)
        }
    }

    @Test("A pool that was to be closed after its users serves further callers if the need has ended")
    func endedNeed() async throws {
        try await withPools(.with(maximumOpenPools: 1)) { pools, _ in
            let use = try await HeldUse(pools, "a")
            let waiting = await startWaitingUse(pools, "b") { _ in }
            let next = await startWaitingUse(pools, "a") { try await insert(1, into: $0) }
            waiting.cancel()
            try await next.value
            try await use.end()
            #expect(pools.snapshot.counters.opened == 1 && pools.snapshot.counters.closed == 0)
        }
    }

    @Test("A task that uses a pool can use it again, although other callers wait for its end")
    func nestedUse() async throws {
        try await withPools(.with(maximumOpenPools: 1)) { pools, _ in
            let found = try await pools.withPool("a") { pool in
                try await insert(1, into: pool)
                let waiting = await startWaitingUse(pools, "b") { _ in }
                let closing = Task { try await pools.close("a") }
                await eventually { pools.snapshot.waiting == 2 }
                let found = try await pools.withPool("a") { try await numbers(in: $0) }
                async let child = pools.withPool("a") { try await numbers(in: $0) }
                #expect(try await child == [1])
                return (found, waiting, closing)
            }
            #expect(found.0 == [1])
            try await found.1.value
            try await found.2.value
        }
    }

    @Test("A task that would wait for the end of its own use gets an error")
    func deadlock() async throws {
        try await withPools { pools, _ in
            try await pools.withPool("a") { _ in
                let error = await #expect(throws: PoolError.self) { try await pools.close("a") }
                #expect(error?.code == .deadlock)
            }
            try await pools.whileClosed("a") {
                let error = await #expect(throws: PoolError.self) { try await pools.withPool("a") { _ in } }
                #expect(error?.code == .deadlock)
                // Other keys are no problem.
                try await pools.withPool("b") { _ in }
            }
            try await pools.withPool("a") { _ in }
        }
    }
}
