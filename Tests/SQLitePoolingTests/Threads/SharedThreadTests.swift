// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct SharedThreadTests {
    @Test("A work item of each mailbox runs, on a thread at a time, and the threads end with the mailboxes")
    func mailboxes() async throws {
        let threads = SharedThreads()
        let runs = Locked<[Int: Int]>([:])
        try await withThrowingTaskGroup { group in
            for number in 0..<16 {
                group.addTask {
                    let thread = try ConnectionThread(sharing: threads)
                    let isRunning = Locked(false)
                    for _ in 0..<500 {
                        await withCheckedContinuation { continuation in
                            thread.submit(
                                ClosureWorkItem {
                                    #expect(
                                        !isRunning.withLock { isRunning in
                                            defer { isRunning = true }
                                            return isRunning
                                        }
                                    )
                                    runs.withLock { $0[number, default: 0] += 1 }
                                    isRunning.withLock { $0 = false }
                                    continuation.resume()
                                }
                            )
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(runs.withLock { $0 } == Dictionary(uniqueKeysWithValues: (0..<16).map { ($0, 500) }))
        try await eventually("the threads have ended") { threads.figures == (0, 0) }
    }

    @Test("A connection that is released with a work item runs it, and its thread ends")
    func lastItem() async throws {
        let threads = SharedThreads()
        for _ in 0..<200 {
            await withCheckedContinuation { continuation in
                do {
                    let thread = try ConnectionThread(sharing: threads)
                    thread.submit(
                        ClosureWorkItem { [thread] in withExtendedLifetime(thread) { continuation.resume() } }
                    )
                } catch {
                    Issue.record(error)
                    continuation.resume()
                }
            }
        }
        try await eventually("the threads have ended") { threads.figures == (0, 0) }
    }

    @Test("If no thread can be started, the first connection fails, and later ones share the existing thread")
    func noThread() async throws {
        let isPossible = Locked(false)
        let threads = SharedThreads(stackSize: { isPossible.withLock { $0 } ? 8 << 20 : 1 << 60 })
        for _ in 0..<3 {
            let error = #expect(throws: SQLiteError.self) { try ConnectionThread(sharing: threads) }
            #expect(error?.code == .threadUnavailable && threads.figures == (0, 0))
        }
        isPossible.withLock { $0 = true }
        let first = try ConnectionThread(sharing: threads)
        #expect(threads.figures.all == 1)
        isPossible.withLock { $0 = false }
        // The first item occupies the thread until all others have been submitted.
        let meeting = Rendezvous()
        first.submit(
            ClosureWorkItem {
                meeting.arrive()
                meeting.wait()
            }
        )
        await meeting.arrived()
        let count = Locked(0)
        let others = try (0..<8).map { _ in try ConnectionThread(sharing: threads) }
        for thread in others { thread.submit(ClosureWorkItem { count.withLock { $0 += 1 } }) }
        #expect(count.withLock { $0 } == 0 && threads.figures == (1, 1))
        meeting.release()
        try await eventually("all items have run") { count.withLock { $0 } == 8 }
        withExtendedLifetime((first, others)) {}
    }
}
