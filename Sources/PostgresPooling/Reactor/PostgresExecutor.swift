// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A thread that waits for the answers of a pool's connections, and runs the tasks that want to be where their answers come.
///
/// ```swift
/// let executor = PostgresExecutor()
/// let pool = try PostgresPool("postgres://app@db.example.com/app", executor: executor)
/// try await withTaskExecutorPreference(executor) {
///     let names = try await pool.query("SELECT name FROM users", as: String.self)
/// }
/// ```
///
/// A task elsewhere is woken on another thread than the one that its answer has come to. A task with this preference, and its children, are
/// not: the thread takes in an answer, goes on with the task until that waits again, and so on, as an event loop does. Where few
/// processors do much, that saves a third of what a short statement costs. Tasks without the preference use the pool as ever.
///
/// The price is that of any event loop: there is one thread. What computes for long, or blocks, keeps all answers of the pool's connections
/// waiting, and all tasks here; it belongs into a task without the preference, not only into an actor: an actor's code runs here when a task from here
/// calls it, unless the actor has an executor of its own, and what others have asked of the actor meanwhile may run behind it. Priorities count for nothing.
public final class PostgresExecutor: TaskExecutor {
    let reactor: Reactor
    private let jobs = JobQueue()

    /// Starts the thread, which ends with the last reference to the executor: pools that were made with it and tasks that were
    /// made for it have one. Traps if the system has no thread.
    ///
    /// - Parameter name: The name of the thread, of which Linux shows 15 characters.
    public convenience init(name: String = "postgres-tasks") {
        self.init(poller: Reactor.defaultPoller(), name: name)
    }

    init(poller: any Poller, name: String) {
        reactor = Reactor(poller: poller, name: name, jobs: jobs)
        unsafe jobs.executor = asUnownedTaskExecutor()
    }

    deinit { reactor.end() }

    /// Has a task go on, behind those that can go on already. Called by the runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        if jobs.add(UnownedJob(job)) { reactor.poller.wake() }
    }
}
