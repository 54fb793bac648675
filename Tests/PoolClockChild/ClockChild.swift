// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CFaultyClock
import CLockPoolThread
import ConnectionPooling
import Foundation
import LockPool

/// A process that uses pools while its clock misbehaves: it exits with 0 if every caller has had an answer, and is ended by a trap, or
/// never ends, otherwise.
///
/// Argument: `fast`, `still` or `backwards`.
@main
enum ClockChild {
    struct Factory: ConnectionFactory {
        let fault: Fault

        func connect() async throws -> Int {
            fault.begin()
            return 0
        }
        func inspect(_ connection: borrowing Int) -> ConnectionHealth { .reusable }
        func close(_ connection: consuming Int) async {}
    }

    /// What the clock does while a caller waits, once at each call.
    enum Fault: String {
        case fast, still, backwards

        func begin() {
            switch self {
            case .fast: faulty_clock_run(1_003)
            case .still: faulty_clock_run(0)
            case .backwards: faulty_clock_step(-10_000_000_000)
            }
        }

        func end() { faulty_clock_run(1_000) }
    }

    static func main() async throws {
        let fault = Fault(rawValue: CommandLine.arguments[1])!
        // Far enough from zero for all steps back, however short the machine has run.
        faulty_clock_step(100_000_000_000_000)
        compareClocks(fault)
        try await usePool(fault)
        try await useLockPool(fault)
        print("answered")
    }

    /// Each reading lies between two of the system's clock.
    static func compareClocks(_ fault: Fault) {
        for _ in 0..<100 {
            fault.begin()
            for _ in 0..<100 {
                let before = systemInstant
                let instant = lockpool_instant()
                precondition(before <= instant && instant <= systemInstant, "the pool's clock is not the system's")
            }
            fault.end()
        }
    }

    static var systemInstant: UInt64 {
        var time = timespec()
        #if os(Linux)
            unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        #else
            unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func usePool(_ fault: Fault) async throws {
        let pool = try ConnectionPool(factory: Factory(fault: fault), configuration: .init(maximumConnections: 1))
        // The connection attempt.
        try await pool.withConnection { _ in }
        fault.end()
        // A task that waits.
        let lease = try await pool.getOrCreate()
        async let waiter: Void = pool.withConnection { _ in }
        await until { pool.status.waiting == 1 }
        fault.begin()
        lease.release()
        try await waiter
        fault.end()
        // A thread that waits.
        let second = try await pool.getOrCreate()
        async let thread: Void = onThread { try pool.getOrCreateBlocking(timeout: .seconds(60)).release() }
        await until { pool.status.waiting == 1 }
        fault.begin()
        second.release()
        try await thread
        fault.end()
        // A caller that is refused, and the error's account of its wait.
        let third = try await pool.getOrCreate()
        async let refused = refusal { _ = try await pool.getOrCreate(timeout: .seconds(60)) }
        await until { pool.status.waiting == 1 }
        fault.begin()
        await pool.close()
        let closed = await refused
        precondition(closed is PoolError)
        third.release()
        fault.end()
        // A shutdown.
        let last = try ConnectionPool(factory: Factory(fault: fault), configuration: .init(maximumConnections: 1))
        let held = try await last.getOrCreate()
        fault.end()
        async let shutdown: Void = last.shutdown(drain: .seconds(60))
        while true {
            let error = await refusal { _ = try await last.getOrCreate(timeout: .zero) }
            if (error as? PoolError)?.code == .closed { break }
        }
        fault.begin()
        held.release()
        await shutdown
        fault.end()
    }

    static func useLockPool(_ fault: Fault) async throws {
        let pool = LockPool(count: 1, maximumWaiters: 2) { $0 }
        let lease = pool.tryGet()!
        async let waiter = pool.get(timeout: .seconds(60)).element
        await until { pool.waiters == 1 }
        fault.begin()
        async let refused = refusal { _ = try await pool.get(timeout: .zero) }
        let timedOut = await refused
        precondition(timedOut is LockPoolError)
        lease.release()
        let element = try await waiter
        precondition(element == 0)
        fault.end()
    }

    static func refusal(_ body: @Sendable () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    static func until(_ condition: () -> Bool) async {
        while !condition() { await Task.yield() }
    }

    static func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
