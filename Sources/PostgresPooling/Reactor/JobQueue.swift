// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

/// The tasks of an executor that can go on, for the one thread that runs them.
///
/// They go on in the order in which they came; those that other threads add, behind those of the thread's own that are there.
@safe
final class JobQueue: @unchecked Sendable {
    /// The executor whose tasks they are. Set before there are any.
    var executor: UnownedTaskExecutor?

    private struct Foreign {
        var jobs: [UnownedJob] = []
        /// The thread is about to sleep, or does.
        var isAsleep = false
    }

    private let foreign = Locked(Foreign())
    /// The thread that runs the jobs.
    private let thread = Atomic<UInt>(0)

    // The thread's alone: nothing that the runtime would have to check.
    @safe @exclusivity(unchecked) private var own: [UnownedJob] = []
    @safe @exclusivity(unchecked) private var running: [UnownedJob] = []

    /// Adds a job.
    ///
    /// - Returns: Whether the thread sleeps, and is to be woken for it.
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

    /// Begins to be the one thread.
    func begin() { thread.store(lockpool_thread_self(), ordering: .relaxed) }

    /// Runs the jobs that are there, and not those that come meanwhile, so that others get their turn.
    ///
    /// - Returns: Whether there are more. If not, whoever adds one is told to wake the thread.
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
