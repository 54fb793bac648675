// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct PoolsClosingTests {
    @Test("A pool in use is closed after its user, and the next caller gets a new pool")
    func close() async throws {
        try await withPools { pools, folder in
            let use = try await HeldUse(pools, "a")
            let closing = Task { try await pools.close("a") }
            await eventually { pools.snapshot.waiting == 1 }
            let next = await startWaitingUse(pools, "a") { try await insert(1, into: $0) }
            #expect(pools.snapshot.open == 1 && pools.snapshot.inUse == 1)
            try await use.end()
            try await closing.value
            try await next.value
            #expect(pools.snapshot.counters.opened == 2 && pools.snapshot.counters.closed == 1)
            // Without an open pool, nothing happens.
            try await pools.close("b")
            #expect(try !folder.names.contains("b.sqlite"))
        }
    }

    @Test("A file can be deleted and replaced while its pool is closed, and callers wait until then")
    func whileClosed() async throws {
        try await withPools { pools, folder in
            try await pools.withPool("a") { try await insert(1, into: $0) }
            let waiting = try await pools.whileClosed("a") {
                #expect(try folder.names == ["a.sqlite"])
                try FileManager.default.removeItem(atPath: folder.file("a.sqlite"))
                let waiting = await startWaitingUse(pools, "a") { try await insert(2, into: $0) }
                #expect(try folder.names == [])
                return waiting
            }
            try await waiting.value
            #expect(try await pools.withPool("a") { try await numbers(in: $0) } == [2])
        }
    }

    @Test("Bodies that have the file for themselves run one after the other, in FIFO order")
    func holders() async throws {
        try await withPools { pools, _ in
            let use = try await HeldUse(pools, "a")
            let order = Locked<[Int]>([])
            var tasks: [Task<Void, any Error>] = []
            for number in 0..<6 {
                tasks.append(
                    Task {
                        if number.isMultiple(of: 2) {
                            try await pools.whileClosed("a") { order.withLock { $0.append(number) } }
                        } else {
                            try await pools.withPool("a") { _ in order.withLock { $0.append(number) } }
                        }
                    }
                )
                await eventually { pools.snapshot.waiting == number + 1 }
            }
            try await use.end()
            for task in tasks { try await task.value }
            #expect(order.withLock { $0 } == Array(0..<6))
            #expect(pools.snapshot.counters.closed == 3)
        }
    }

    @Test("A caller that no longer wants the file for itself lets the callers behind it use the open pool")
    func cancelledClose() async throws {
        try await withPools { pools, _ in
            let use = try await HeldUse(pools, "a")
            let closing = Task { try await pools.close("a") }
            await eventually { pools.snapshot.waiting == 1 }
            let next = await startWaitingUse(pools, "a") { try await insert(1, into: $0) }
            closing.cancel()
            await #expect(throws: CancellationError.self) { try await closing.value }
            try await next.value
            try await use.end()
            #expect(pools.snapshot.counters.closed == 0)
        }
    }

    @Test("The file is closed when the pool is, although a stopped call still ran")
    func stoppedCall() async throws {
        try await withPools { pools, folder in
            let meeting = Rendezvous()
            let call = Task {
                try await pools.withPool("a") { pool in
                    try await pool.write { _ in
                        meeting.arrive()
                        meeting.wait()
                    }
                }
            }
            await meeting.arrived()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(pools.snapshot.inUse == 0)
            let closing = Task { try await pools.close("a") }
            try await eventually("the pool is being closed") { pools.snapshot.closing == 1 }
            meeting.release()
            try await closing.value
            #expect(try folder.names == ["a.sqlite"])
        }
    }

    @Test("Closing all pools fails callers that wait and come later, and closes a pool in use after its user")
    func closeAll() async throws {
        try await withPools(.with(maximumOpenPools: 2)) { pools, folder in
            let use = try await HeldUse(pools, "a")
            try await pools.withPool("b") { try await insert(1, into: $0) }
            let holding = Task { try await pools.close("a") }
            await eventually { pools.snapshot.waiting == 1 }
            let waiting = await startWaitingUse(pools, "a") { _ in }
            await pools.close()
            for task in [holding, waiting] {
                let error = await #expect(throws: PoolError.self) { try await task.value }
                #expect(error?.code == .closed)
            }
            #expect(pools.state == .closed && pools.snapshot.open == 1 && pools.snapshot.inUse == 1)
            let late = await #expect(throws: PoolError.self) { try await pools.withPool("b") { _ in } }
            #expect(late?.code == .closed)
            try await use.end()
            try await eventually("all pools are closed") { pools.snapshot.counters.closed == 2 }
            #expect(try folder.names == ["a.sqlite", "b.sqlite"])
        }
    }

    @Test("A shutdown serves the callers that wait, and refuses new ones")
    func shutdown() async throws {
        try await withPools(.with(maximumOpenPools: 1)) { pools, folder in
            let use = try await HeldUse(pools, "a")
            let waiting = await startWaitingUse(pools, "b") { try await insert(1, into: $0) }
            let shutdown = Task { await pools.shutdown(drain: .seconds(600)) }
            try await eventually("the shutdown has begun") { pools.state == .draining }
            let late = await #expect(throws: PoolError.self) { try await pools.withPool("a") { _ in } }
            #expect(late?.code == .closed)
            try await use.end()
            try await waiting.value
            await shutdown.value
            #expect(pools.state == .closed && pools.snapshot.open == 0)
            #expect(try folder.names == ["a.sqlite", "b.sqlite"])
        }
    }

    @Test("Pools that run as a service shut down when the task is cancelled")
    func service() async throws {
        try await withPools { pools, folder in
            let service = Task { await pools.run() }
            try await pools.withPool("a") { try await insert(1, into: $0) }
            service.cancel()
            await service.value
            #expect(pools.state == .closed && pools.snapshot.open == 0)
            #expect(try folder.names == ["a.sqlite"])
        }
    }

    @Test("A shutdown closes a pool under its user when the drain time has ended")
    func endOfDrain() async throws {
        let clock = ManualClock()
        let folder = try SampleFolder()
        let pools = try SQLitePools<String>(.with(), clock: clock) { .path(folder.file($0)) }
        try await pools.withPool("a") { pool in
            try await insert(1, into: pool)
            let shutdown = Task { await pools.shutdown(drain: .seconds(5)) }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(5))
            try await eventually("the pool is closed") { pool.state == .closed }
            let error = await #expect(throws: PoolError.self) { try await numbers(in: pool) }
            #expect(error?.code == .closed)
            // The close time ends as well, because this use does not.
            await clock.waitForSleepers()
            clock.advance(by: .seconds(3))
            await shutdown.value
        }
        try await eventually("the pool is removed") { pools.snapshot.open + pools.snapshot.closing == 0 }
    }

    @Test("Pools that are released without a close close their files")
    func release() async throws {
        let folder = try SampleFolder()
        for _ in 0..<3 {
            let pools = try SQLitePools(folder: folder.path, .with(maximumOpenPools: 3))
            for key in ["a", "b", "c"] { try await pools.withPool(key) { try await insert(1, into: $0) } }
        }
        try await eventually("the files are closed") { (try? folder.names) == ["a.sqlite", "b.sqlite", "c.sqlite"] }
        #expect(try folder.names.count == 3)
    }
}
