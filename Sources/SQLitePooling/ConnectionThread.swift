// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A thread for one connection, which takes one job at a time.
///
/// The thread ends with the object, after the job that it has then.
final class ConnectionThread: Sendable {
    /// In bytes, as much as a main thread has. Only what is used of it becomes memory.
    ///
    /// SQLite's deepest recursion is the matching of `LIKE` patterns, which may be 50,000 characters long, may come from
    /// anybody, and then take between two and four mebibytes.
    private static let stackSize = 8 << 20

    private let mailbox: Mailbox

    /// Starts a thread.
    ///
    /// - Parameter name: What debuggers show; Linux has room for 15 bytes.
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(name: String) throws(SQLiteError) {
        mailbox = Mailbox(name: name)
        // The thread is detached: it ends by itself, and nobody waits for it. It releases the mailbox that it is given.
        let code = unsafe lockpool_thread_start(
            { unsafe ConnectionThread.run($0!) },
            Unmanaged.passRetained(mailbox).toOpaque(),
            Self.stackSize
        )
        guard code == 0 else {
            unsafe Unmanaged.passUnretained(mailbox).release()
            let reason = unsafe String(cString: strerror(code))
            throw SQLiteError(.threadUnavailable, "no thread for a connection: \(reason)")
        }
    }

    deinit { mailbox.end() }

    /// Has the thread run a job. The job before must have run.
    func submit(_ job: @escaping @Sendable () -> Void) { mailbox.put(job) }

    private static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let mailbox = unsafe Unmanaged<Mailbox>.fromOpaque(argument).takeRetainedValue()
        unsafe lockpool_thread_name(mailbox.name)
        while let job = mailbox.take() { job() }
        return nil
    }
}

/// Room for one job, and a way to wait for it.
@safe
private final class Mailbox: @unsafe @unchecked Sendable {
    let name: String

    // Of fixed address, which C's locks need, and freed when neither the thread nor its owner refers to this any more.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Both guarded by the mutex.
    private var job: (@Sendable () -> Void)?
    private var isEnded = false

    init(name: String) {
        self.name = name
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func put(_ job: @escaping @Sendable () -> Void) {
        unsafe pthread_mutex_lock(mutex)
        precondition(self.job == nil, "A connection has one user at a time.")
        self.job = job
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(condition)
    }

    func end() {
        unsafe pthread_mutex_lock(mutex)
        isEnded = true
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(condition)
    }

    /// Waits for a job.
    ///
    /// - Returns: `nil` when there will be none any more.
    func take() -> (@Sendable () -> Void)? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while job == nil, !isEnded { unsafe pthread_cond_wait(condition, mutex) }
        return job.take()
    }
}
