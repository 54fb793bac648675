// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A task executor whose thread also waits for the answers of a pool's connections.
///
/// ```swift
/// let executor = PostgresExecutor()
/// let pool = try PostgresPool("postgres://app@db.example.com/app", executor: executor)
/// try await withTaskExecutorPreference(executor) {
///     let names = try await pool.query("SELECT name FROM users", as: String.self)
/// }
/// ```
///
/// Other tasks resume on another thread than the one that has received their answer. Tasks with
/// this preference, and their children, do not: the thread receives an answer, resumes the task
/// until it waits again, and so on, like an event loop. With few processors and much load, that
/// saves a third of the cost of a short statement. Tasks without the preference use the pool as
/// usual. The rest of a long answer, after about half a megabyte, is read on one thread for all
/// pools and executors of the process, so that it does not delay short answers.
///
/// As in any event loop, there is one thread. Long computations and blocking calls delay all
/// answers of the pool's connections, and all tasks on the executor. Run them in a task without
/// the preference. An actor alone does not suffice: unless it has an executor of its own, its code
/// runs on this thread when a task on this thread calls it, possibly followed by calls that other
/// tasks have queued on the actor. Priorities are ignored.
public final class PostgresExecutor: TaskExecutor {
    let reactor: Reactor
    private let jobs = JobQueue()

    /// Starts the thread. It ends with the last reference to the executor: pools and tasks that
    /// use the executor hold one. Traps if the system cannot start a thread.
    ///
    /// - Parameter name: The name of the thread. Linux shows 15 characters.
    public convenience init(name: String = "postgres-tasks") {
        self.init(poller: Reactor.requirePoller(), name: name)
    }

    init(poller: any Poller, name: String, answerReader: AnswerReader = .shared) {
        reactor = Reactor(poller: poller, name: name, jobs: jobs, answerReader: answerReader)
        unsafe jobs.executor = asUnownedTaskExecutor()
    }

    deinit { reactor.end() }

    /// Queues a job. Called by the runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        if jobs.add(UnownedJob(job)) { reactor.poller.wake() }
    }
}
