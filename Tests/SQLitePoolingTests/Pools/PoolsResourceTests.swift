// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Testing

@testable import SQLitePooling

/// Descriptors and threads. The counts run in a separate process, because they are the process's.
@Suite(.timeLimit(.minutes(10))) struct PoolsResourceTests {
    @Test("10,000 tenants with 100 active work with 1,024 descriptors, and all get their turn")
    func manyTenants() async {
        await #expect(processExitsWith: .success) {
            #expect(limitDescriptors(to: 1_024))
            var configuration = SQLitePoolsConfiguration.with(maximumOpenPools: 100)
            configuration.database.synchronous = .off
            let (tenants, tasks) = (isSanitized ? 1_000 : 10_000, 100)
            try await withPools(configuration) { pools, folder in
                try await withThrowingTaskGroup { group in
                    for task in 0..<tasks {
                        group.addTask {
                            for tenant in stride(from: task, to: tenants, by: tasks) {
                                try await pools.withPool("tenant-\(tenant)") { try await insert(tenant, into: $0) }
                                #expect(descriptors() <= 1_024)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(pools.snapshot.counters.opened == tenants && pools.snapshot.counters.openFailures == 0)
                #expect(pools.snapshot.open == 100)
                await pools.close()
                #expect(try folder.names.count == tenants)
            }
        }
    }

    @Test("The descriptors of open pools stay within the configuration's number, and return to those before")
    func descriptorBound() async {
        await #expect(processExitsWith: .success) {
            // The first use of SQLite, of Foundation and of the tasks opens what stays open.
            try await withPools { pools, _ in try await pools.withPool("a") { try await insert(1, into: $0) } }
            let before = descriptors()
            var configuration = SQLitePoolsConfiguration.with(maximumOpenPools: 10)
            configuration.database.pool.maximumConnections = 3
            configuration.database.checkpoints.interval = 1
            try await withPools(configuration) { pools, _ in
                for number in 0..<10 {
                    try await pools.withPool("tenant-\(number)") { pool in
                        for row in 0..<5 { try await insert(row, into: pool) }
                        // All readers are open.
                        try await withThrowingTaskGroup { group in
                            let meeting = Rendezvous()
                            for _ in 0..<3 {
                                group.addTask {
                                    try await pool.read { db in
                                        _ = try db.query("SELECT x FROM t", as: Int.self)
                                        meeting.arrive()
                                        meeting.wait()
                                    }
                                }
                            }
                            for _ in 0..<3 { await meeting.arrived() }
                            for _ in 0..<3 { meeting.release() }
                            try await group.waitForAll()
                        }
                    }
                }
                #expect(descriptors() - before == configuration.maximumDescriptors)
                await pools.close()
                #expect(descriptors() == before)
            }
        }
    }

    @Test("A closed pool is released, with its connections")
    func released() async throws {
        struct Weak { weak var pool: SQLitePool? }
        let released = Locked<[Weak]>([])
        try await withPools(.with(maximumOpenPools: 4)) { pools, _ in
            for number in 0..<100 {
                try await pools.withPool("tenant-\(number)") { pool in
                    try await insert(number, into: pool)
                    _ = try await numbers(in: pool)
                    released.withLock { $0.append(Weak(pool: pool)) }
                }
            }
            func open() -> Int { released.withLock { $0.count { $0.pool != nil } } }
            try await eventually("closed pools are released") { open() == pools.snapshot.open }
            #expect(open() == 4)
        }
    }

    #if os(Linux)
        @Test("Idle pools hold no threads, and the last closed pool ends the threads that all have shared")
        func threads() async {
            await #expect(processExitsWith: .success) {
                try await withPools { pools, _ in try await pools.withPool("a") { try await insert(1, into: $0) } }
                try await withPools(.with(maximumOpenPools: 60)) { pools, _ in
                    for number in 0..<60 {
                        try await pools.withPool("tenant-\(number)") { pool in
                            try await insert(number, into: pool)
                            _ = try await numbers(in: pool)
                        }
                    }
                    #expect(pools.snapshot.open == 60)
                    // 120 connections are open, and the calls were made one after the other.
                    #expect(pools.snapshot.threads <= 12, "\(pools.snapshot)")
                    try await eventually("no thread serves an idle pool") { pools.threads.figures.busy == 0 }
                    try await eventually("the threads exist") { sharedThreads() == pools.snapshot.threads }
                    await pools.close()
                    try await eventually("the threads have ended") { sharedThreads() == 0 }
                    #expect(pools.snapshot.threads == 0)
                }
            }
        }
    #endif

    @Test("Calls that run at the same time have a thread each")
    func concurrentCalls() async throws {
        try await withPools(.with(maximumOpenPools: 20)) { pools, _ in
            let meeting = Rendezvous()
            try await withThrowingTaskGroup { group in
                for number in 0..<20 {
                    group.addTask {
                        try await pools.withPool("tenant-\(number)") { pool in
                            try await pool.write { _ in
                                meeting.arrive()
                                meeting.wait()
                            }
                        }
                    }
                }
                for _ in 0..<20 { await meeting.arrived() }
                #expect(pools.threads.figures.busy >= 20)
                for _ in 0..<20 { meeting.release() }
                try await group.waitForAll()
            }
        }
    }
}

private func descriptors() -> Int {
    #if os(Linux)
        let folder = "/proc/self/fd"
    #else
        let folder = "/dev/fd"
    #endif
    // Without the one that reads the folder.
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0) - 1
}

#if os(Linux)
    private func sharedThreads() -> Int {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return threads.count { thread in
            (try? String(contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)) == "sqlite-shared\n"
        }
    }
#endif
