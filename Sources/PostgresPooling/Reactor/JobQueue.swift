// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

/// The runnable jobs of an executor, for the one thread that runs them.
///
/// Jobs run in FIFO order; those that other threads add run after the thread's own available jobs.
@safe
final class JobQueue: @unchecked Sendable {
    /// The executor of the jobs. Set before the first job is added.
    var executor: UnownedTaskExecutor?

    private struct Foreign {
        var jobs: [UnownedJob] = []
        /// Whether the thread sleeps, or is about to.
        var isAsleep = false
    }

    private let foreign = Locked(Foreign())
    /// The thread that runs the jobs.
    private let thread = Atomic<UInt>(0)

    // Only the thread accesses this, so the runtime need not check exclusivity.
    @safe @exclusivity(unchecked) private var own: [UnownedJob] = []
    @safe @exclusivity(unchecked) private var running: [UnownedJob] = []

    /// Adds a job.
    ///
    /// - Returns: Whether the thread sleeps and must be woken.
    func add(_ job: UnownedJob) -> Bool {
        if thread.load(ordering: .relaxed) == lockpool_thread_self() {
            own.append(job)
            return false
        }
        return foreign.withLock { foreign in
            foreign.jobs.append(job)
            defer { foreign.isAsleep = false }
            return foreign.isAsleep
        }
    }

    /// Makes the current thread the one that runs the jobs.
    func begin() { thread.store(lockpool_thread_self(), ordering: .relaxed) }

    /// Runs the available jobs, but not those that are added in the process, so that sockets get
    /// their turn.
    ///
    /// - Returns: Whether there are more jobs. If not, the thread must be woken for the next job.
    func run() -> Bool {
        swap(&own, &running)
        foreign.withLock { foreign in
            running += foreign.jobs
            foreign.jobs.removeAll(keepingCapacity: true)
        }
        if !running.isEmpty, let executor = unsafe executor {
            for job in running { unsafe job.runSynchronously(on: executor) }
            running.removeAll(keepingCapacity: true)
        }
        return foreign.withLock { foreign in
            foreign.isAsleep = own.isEmpty && foreign.jobs.isEmpty
            return !foreign.isAsleep
        }
    }
}
