// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct DeadlockDetectionTests {
    struct Factory: ConnectionFactory {
        struct Connection: ~Copyable, Sendable {}

        func connect() async throws -> Connection { Connection() }
        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Connection) async {}
    }

    final class Recorder: PoolObserver {
        let callSites = Mutex<[String]>([])

        func observe(_ event: PoolEvent, in pool: String) {
            if case .nested(let callSite, let holding) = event {
                callSites.withLock { $0.append("\(callSite) in \(holding)") }
            }
        }
    }

    final class Count: Sendable {
        let value = Atomic(0)
    }

    private func makePool(_ maximum: Int, _ recorder: Recorder = Recorder()) throws -> ConnectionPool<Factory> {
        try ConnectionPool(
            factory: Factory(),
            configuration: .init(maximumConnections: maximum),
            observers: [recorder]
        )
    }

    @Test(
        "A task that waits for the only connection, which it holds, fails at once with the deadlock and its call site"
    )
    func alone() async throws {
        let pool = try makePool(1)
        let line: UInt = #line + 1
        let error = try await pool.withConnection { _ in
            await #expect(throws: PoolError.self) { try await pool.withConnection { _ in } }
        }
        #expect(error?.code == .deadlock)
        #expect(error?.holders.map(\.callSite) == ["ConnectionPoolingTests/DeadlockDetectionTests.swift:\(line)"])
        #expect(error?.description.contains("DeadlockDetectionTests.swift:\(line)") == true)
        // The pool still works.
        try await pool.withConnection { _ in }
        await pool.close()
    }

    @Test(
        "If waiting tasks hold every connection, the last of them gets the error, and the others continue"
    )
    func inACircle() async throws {
        let pool = try makePool(3)
        let begun = Count()
        let outcomes = try await withThrowingTaskGroup(of: PoolError.Code?.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await pool.withConnection { _ in
                        begun.value.add(1, ordering: .relaxed)
                        while begun.value.load(ordering: .relaxed) < 3 { await Task.yield() }
                        do {
                            try await pool.withConnection { _ in }
                            return nil
                        } catch let error as PoolError {
                            #expect(error.holders.count == 3)
                            return error.code
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == .deadlock }.count == 1)
        #expect(outcomes.filter { $0 == nil }.count == 2)
        await pool.close()
    }

    @Test(
        "A wait inside another lease is reported once for each call site, and continues if another holder can return"
    )
    func harmless() async throws {
        let recorder = Recorder()
        let pool = try makePool(2, recorder)
        for _ in 0..<3 {
            let held = Count()
            let holder = Task {
                try await pool.withConnection { _ in
                    held.value.add(1, ordering: .relaxed)
                    while pool.status.waiting < 1 { await Task.yield() }
                }
            }
            while held.value.load(ordering: .relaxed) == 0 { await Task.yield() }
            try await pool.withConnection { _ in try await pool.withConnection { _ in } }
            try await holder.value
        }
        let reported = recorder.callSites.withLock { $0 }
        #expect(reported.count == 1)
        await pool.close()
    }

    @Test("A lease belongs to no task, because it may be passed on: its holder's wait is not a deadlock")
    func leases() async throws {
        let pool = try makePool(1)
        let lease = try await pool.getOrCreate()
        let waiter = Task { try await pool.withConnection { _ in } }
        while pool.status.waiting < 1 { await Task.yield() }
        lease.release()
        try await waiter.value
        await pool.close()
    }
}
