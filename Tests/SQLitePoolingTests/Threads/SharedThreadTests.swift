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
                                    #expect(!isRunning.withLock { isRunning in
                                        defer { isRunning = true }
                                        return isRunning
                                    })
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
                    thread.submit(ClosureWorkItem { [thread] in withExtendedLifetime(thread) { continuation.resume() } })
                } catch {
                    Issue.record(error)
                    continuation.resume()
                }
            }
        }
        try await eventually("the threads have ended") { threads.figures == (0, 0) }
    }

    #if os(Linux)
        @Test("When no thread can be started, the existing ones serve all connections")
        func noThread() async {
            await #expect(processExitsWith: .success) {
                try await withPools(.with(maximumOpenPools: 8)) { pools, _ in
                    try await pools.withPool("first") { try await insert(1, into: $0) }
                    // The cooperative pool has its threads, and memory that is left is too little
                    // for the stack of another one.
                    try await eventually("no thread is busy") { pools.threads.figures.busy == 0 }
                    let before = pools.snapshot.threads
                    #expect(limitAddressSpace(beyondUse: 7 << 20))
                    try await withThrowingTaskGroup { group in
                        for number in 0..<8 {
                            group.addTask {
                                try await pools.withPool("tenant-\(number % 4)") { try await insert(number, into: $0) }
                            }
                        }
                        try await group.waitForAll()
                    }
                    #expect(pools.snapshot.threads <= before)
                }
            }
        }
    #endif
}

#if os(Linux)
    /// Limits the address space of this process to what it uses and some bytes.
    private func limitAddressSpace(beyondUse bytes: Int) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").first.flatMap({ Int($0) })
        else { return false }
        var limit = rlimit()
        limit.rlim_cur = rlim_t(pages * Int(getpagesize()) + bytes)
        limit.rlim_max = rlim_t.max
        return unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0
    }
#endif
