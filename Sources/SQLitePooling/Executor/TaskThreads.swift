// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

/// The threads of an executor, and the queue of its jobs.
///
/// Jobs begin in FIFO order. Threads without a job sleep; the one that went to sleep last is woken
/// first. The threads hold this object, and not the executor, so that the last reference to the
/// executor may end on one of them.
@safe
final class TaskThreads: @unchecked Sendable {
    /// The executor of the jobs. Set before the first thread starts.
    var executor: UnownedTaskExecutor?

    private struct Queue {
        var jobs = Fifo<UnownedJob>()
        var sleepers: [Sleeper] = []
        var isOver = false
    }

    /// A sleeping thread. It stays in its place until it has been woken.
    @safe
    private struct Sleeper: @unchecked Sendable {
        let parker: UnsafeMutablePointer<lockpool_parker>

        func wake() { unsafe lockpool_parker_wake(parker, 0) }
    }

    private let queue = Locked(Queue())

    /// The number of jobs that wait for a thread, to be read without the lock.
    private let waiting = Atomic(0)

    /// Starts a thread.
    ///
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    func start(name: String) throws(SQLiteError) {
        let start = unsafe Unmanaged.passRetained(Start(threads: self, name: name))
        let code = unsafe lockpool_thread_start(
            { argument in
                let start = unsafe Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                unsafe lockpool_thread_name(start.name)
                start.threads.run()
                return nil
            },
            start.toOpaque(),
            ConnectionThread.stackSize
        )
        guard code == 0 else {
            unsafe start.release()
            throw ConnectionThread.unavailable(code, for: "an executor")
        }
    }

    private final class Start: Sendable {
        let threads: TaskThreads
        let name: String

        init(threads: TaskThreads, name: String) {
            self.threads = threads
            self.name = name
        }
    }

    /// Adds a job.
    func add(_ job: UnownedJob) {
        let sleeper = queue.withLock { queue in
            queue.jobs.append(job)
            waiting.store(queue.jobs.count, ordering: .relaxed)
            return queue.sleepers.popLast()
        }
        sleeper?.wake()
    }

    /// Ends the threads when there is no job left.
    func end() {
        let sleepers = queue.withLock { queue in
            queue.isOver = true
            defer { queue.sleepers = [] }
            return queue.sleepers
        }
        for sleeper in sleepers { sleeper.wake() }
    }

    /// Whether jobs wait for a thread.
    var haveWaitingJobs: Bool { waiting.load(ordering: .relaxed) > 0 }

    private func run() {
        guard let executor = unsafe executor else { return }
        let thread = TaskThread(of: self)
        unsafe lockpool_thread_set_executor(Unmanaged.passUnretained(thread).toOpaque())
        while let job = next() {
            thread.turnStart = lockpool_nanoseconds()
            unsafe job.runSynchronously(on: executor)
        }
        lockpool_thread_set_executor(nil)
    }

    /// Returns the next job. Blocks while there is none.
    ///
    /// - Returns: The job; `nil` when the thread must end.
    private func next() -> UnownedJob? {
        while true {
            let (job, isOver) = queue.withLock { queue in
                let job = queue.jobs.popFirst()
                waiting.store(queue.jobs.count, ordering: .relaxed)
                return (job, queue.isOver)
            }
            if let job { return job }
            if isOver { return nil }
            sleep()
        }
    }

    private func sleep() {
        unsafe withUnsafeTemporaryAllocation(of: lockpool_parker.self, capacity: 1) { buffer in
            let parker = buffer.baseAddress!
            unsafe lockpool_parker_init(parker)
            let isAsleep = queue.withLock { queue in
                if !queue.jobs.isEmpty || queue.isOver { return false }
                unsafe queue.sleepers.append(Sleeper(parker: parker))
                return true
            }
            var wakeup = 0
            if isAsleep { _ = unsafe lockpool_parker_wait(parker, .max, &wakeup) }
            unsafe lockpool_parker_destroy(parker)
        }
    }
}

/// A thread of an executor. Only the thread itself uses this object.
final class TaskThread: @unchecked Sendable {
    private let threads: TaskThreads

    /// The instant at which the current job began, in nanoseconds.
    @safe @exclusivity(unchecked) fileprivate(set) var turnStart: UInt64 = 0

    /// The time for which a job runs reads before it lets others continue, in nanoseconds: a
    /// hundred times as long as changing the job takes.
    private static var turn: UInt64 { 50_000 }

    init(of threads: TaskThreads) { self.threads = threads }

    /// The current thread; `nil` if it belongs to no executor.
    static var current: TaskThread? {
        guard let thread = unsafe lockpool_thread_executor() else { return nil }
        return unsafe Unmanaged<TaskThread>.fromOpaque(thread).takeUnretainedValue()
    }

    /// Whether the current job must let others continue.
    var isTurnOver: Bool { threads.haveWaitingJobs && lockpool_nanoseconds() &- turnStart > Self.turn }
}
