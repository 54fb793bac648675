// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import ConnectionPooling
import Foundation
import LockPool
import PoolTesting

/// A process that uses pools while a preloaded library changes the system's clocks; see `ClockFaultTests`.
///
/// Exits with 0 if the pools' time follows the monotonic clock. Ends itself by a signal if it hangs.
@main
enum ClockChild {
    #if os(Linux)

        static func main() async throws {
            alarm(300)
            let faults = try ClockFaults()
            let user = try PoolUser(faults)
            for (name, partsPerMillion) in [
                ("steady", 0), ("fast", 3_000), ("still", -1_000_000), ("slow", -3_000), ("fast", 3_000),
            ] {
                faults.setRate(partsPerMillion)
                checkReadings(name)
                try await user.use(name)
            }
            // A monotonic clock never does this, but a pool is not to end its process for it either.
            for _ in 0..<20 {
                try await user.stepBack()
                try await user.use("stepped back")
            }
            try await user.finish()
            print("the pools' time has followed the clock")
        }

        /// Compares the pools' time with `CLOCK_MONOTONIC`, from which it differs by the time of suspension, on two threads.
        private static func checkReadings(_ name: String) {
            DispatchQueue.concurrentPerform(iterations: 2) { _ in
                // Bounds of the difference. Each reading lies between two of the clock, so an error of the pools' time makes them cross.
                var (least, most) = (Int64.min, Int64.max)
                var last: UInt64 = 0
                for _ in 0..<50_000 {
                    let before = lockpool_nanoseconds()
                    let now = lockpool_instant()
                    let after = lockpool_nanoseconds()
                    require(now >= last && after >= before, "\(name): time goes backwards, from \(last) to \(now)")
                    last = now
                    least = max(least, Int64(now) - Int64(after))
                    most = min(most, Int64(now) - Int64(before))
                }
                require(least <= most, "\(name): time is \(least - most) ns away from CLOCK_MONOTONIC")
            }
        }

    #else

        static func main() { fatalError("The library is preloaded on Linux.") }

    #endif

    static func require(_ condition: Bool, _ complaint: @autoclosure () -> String) {
        if condition { return }
        print(complaint())
        exit(1)
    }
}

#if os(Linux)

    /// The controls of the preloaded library.
    @safe
    struct ClockFaults: @unchecked Sendable {
        struct NotPreloaded: Error {}

        private let rate: @convention(c) (Int64) -> Void
        private let stepped: @convention(c) (Int64) -> Void

        init() throws {
            let program = unsafe dlopen(nil, RTLD_NOW)
            guard let rate = unsafe dlsym(program, "clock_fault_rate"),
                let step = unsafe dlsym(program, "clock_fault_step")
            else { throw NotPreloaded() }
            self.rate = unsafe unsafeBitCast(rate, to: (@convention(c) (Int64) -> Void).self)
            stepped = unsafe unsafeBitCast(step, to: (@convention(c) (Int64) -> Void).self)
        }

        /// Lets the monotonic clocks run faster than time by so many parts per million; -1,000,000 lets them stand still.
        func setRate(_ partsPerMillion: Int) { rate(Int64(partsPerMillion)) }

        /// Moves the monotonic clocks by so many nanoseconds.
        func step(_ nanoseconds: Int64) { stepped(nanoseconds) }
    }

    /// Checkouts, waits with deadlines, and returns.
    final class PoolUser: Sendable {
        let pool: ConnectionPool<ScriptedFactory>
        private let buffers: LockPool<Int>
        private let faults: ClockFaults

        init(_ faults: ClockFaults) throws {
            self.faults = faults
            buffers = LockPool(count: 2, maximumWaiters: 64) { $0 }
            // Connections are tested, replaced and reported all the time.
            pool = try ConnectionPool(
                factory: ScriptedFactory(),
                configuration: .init(
                    name: "clocks",
                    maximumConnections: 2,
                    checkoutTimeout: .seconds(250),
                    connectTimeout: .seconds(250),
                    validateAfterIdle: .milliseconds(1),
                    keepAliveInterval: .milliseconds(20),
                    idleTimeout: .milliseconds(50),
                    maximumLifetime: .milliseconds(100),
                    leakDetectionThreshold: .milliseconds(1)
                )
            )
        }

        func use(_ name: String) async throws {
            try await withThrowingDiscardingTaskGroup { [self] group in
                for _ in 0..<4 {
                    group.addTask { [self] in
                        for _ in 0..<100 {
                            try await pool.withConnection { _ in await Task.yield() }
                            let buffer = try await buffers.get()
                            buffer.release()
                        }
                    }
                }
            }
            try await waitInVain(name)
            check(name)
        }

        /// Waits until a deadline while all elements are leased. The clock runs as fast as time by the end.
        private func waitInVain(_ name: String) async throws {
            let first = try await pool.getOrCreate()
            let second = try await pool.getOrCreate()
            let firstBuffer = try await buffers.get()
            let secondBuffer = try await buffers.get()
            let answers = Locked(0)
            let timeout = Duration.milliseconds(20)
            let outcomes = await withTaskGroup { [self] group in
                group.addTask { [self] in
                    await Outcome(answers) { try await pool.withConnection(timeout: timeout) { _ in } }
                }
                group.addTask { [self] in
                    await Outcome(answers) {
                        let buffer = try await buffers.get(timeout: timeout)
                        buffer.release()
                    }
                }
                group.addTask { [self] in
                    await Outcome(answers) { try await onThread { [self] in try blockInVain(timeout) } }
                }
                while pool.status.waiting + answers.withLock({ $0 }) < 2 { await Task.yield() }
                faults.setRate(0)
                return await group.reduce(into: []) { $0.append($1) }
            }
            for outcome in outcomes {
                ClockChild.require(outcome.isTimeout, "\(name): not the end of a timeout: \(outcome)")
            }
            first.release()
            second.release()
            firstBuffer.release()
            secondBuffer.release()
        }

        private func blockInVain(_ timeout: Duration) throws {
            let lease = try pool.getOrCreateBlocking(timeout: timeout)
            lease.release()
        }

        /// Lets the clock step back during two leases and a wait. More than they have lasted, so that a difference would be below zero.
        func stepBack() async throws {
            let first = try await pool.getOrCreate()
            let second = try await pool.getOrCreate()
            let waiter = Task { try await pool.withConnection { _ in } }
            while pool.status.waiting < 1 { await Task.yield() }
            faults.step(-200_000_000)
            first.release()
            second.release()
            try await waiter.value
        }

        /// What has become of a wait.
        private struct Outcome: Sendable {
            private let error: (any Error)?

            init(_ answers: Locked<Int>, _ wait: () async throws -> Void) async {
                do {
                    try await wait()
                    error = nil
                } catch {
                    self.error = error
                }
                answers.withLock { $0 += 1 }
            }

            var isTimeout: Bool {
                switch error {
                case let error as PoolError: error.code == .timedOut && error.waited < .seconds(3_600)
                case let error as LockPoolError: error.code == .timedOut
                default: false
                }
            }
        }

        /// Runs `body` on a thread of its own, where it can block.
        private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
            try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
            }
        }

        /// Looks whether a duration has been counted that cannot be: a difference below zero would be one of centuries.
        private func check(_ name: String) {
            let snapshot = pool.snapshot
            for times in [snapshot.useTimes, snapshot.waitTimes] {
                let longest = times.quantile(1)
                ClockChild.require(longest < .seconds(3_600) && times.sum < .seconds(36_000), "\(name): \(longest)")
            }
        }

        func finish() async throws {
            await pool.shutdown(drain: .seconds(10))
            buffers.close()
            ClockChild.require(pool.status.leased == 0 && pool.status.waiting == 0, "\(pool.status)")
        }
    }

#endif
