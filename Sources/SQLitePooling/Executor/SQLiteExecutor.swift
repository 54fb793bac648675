// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A task executor whose threads run the reads of SQLite pools.
///
/// ```swift
/// let executor = try SQLiteExecutor()
/// try await withTaskExecutorPreference(executor) {
///     let names = try await pool.query("SELECT name FROM users", as: String.self)
/// }
/// ```
///
/// Other tasks hand each read over to the thread of a connection, and continue on another thread.
/// Tasks with this preference, and their children, read on the thread that runs them, if a reader
/// is free; otherwise they wait in line as usual. That saves two switches of threads for each
/// read, which take several times as long as a short statement. Writes run on the writer's thread
/// as usual.
///
/// The threads belong to the executor, not to the cooperative pool, so that a statement that takes
/// long or waits for the disk delays only the other tasks on the executor. After a read, a task
/// lets the others continue when it has run for 50 microseconds. Long computations and blocking
/// calls belong in tasks without the preference. An actor alone does not suffice: unless it has an
/// executor of its own, its code runs on these threads when a task on them calls it. Priorities
/// are ignored.
///
/// One executor serves any number of pools.
public final class SQLiteExecutor: TaskExecutor {
    let threads: TaskThreads

    /// Starts the threads. They end with the last reference to the executor: tasks that use it
    /// hold one.
    ///
    /// - Parameters:
    ///   - threads: The number of threads, from 1 to 1,000; `nil`, the default, for the number of
    ///     processors that the process may use. More threads than readers are of no use.
    ///   - name: The name of the threads. Linux shows 15 characters.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` for another number of
    ///   threads, or `threadUnavailable` if the system cannot start them.
    public init(threads: Int? = nil, name: String = "sqlite-tasks") throws(SQLiteError) {
        let count = threads ?? max(1, Int(UsableProcessors.ofThisProcess.rounded(.up)))
        guard (1...1_000).contains(count) else {
            throw SQLiteError(.invalidConfiguration, "an executor has 1 to 1,000 threads, not \(count)")
        }
        self.threads = TaskThreads()
        unsafe self.threads.executor = asUnownedTaskExecutor()
        for _ in 0..<count {
            do throws(SQLiteError) {
                try self.threads.start(name: name)
            } catch {
                self.threads.end()
                throw error
            }
        }
    }

    deinit { threads.end() }

    /// Queues a job. Called by the runtime.
    public func enqueue(_ job: consuming ExecutorJob) { threads.add(UnownedJob(job)) }
}
