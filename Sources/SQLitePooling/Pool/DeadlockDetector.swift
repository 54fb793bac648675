// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling
internal import Synchronization

/// Detects calls that would block a thread for ever, because every connection that they wait for
/// is held by such a call.
///
/// Each running body records its connection on its thread. A call that is about to block checks
/// that record. If the thread holds no connection of this pool, no deadlock is possible. Otherwise
/// the call is registered while it waits. The call that completes a deadlock fails; the others
/// continue after its body has ended.
final class DeadlockDetector: Sendable {
    enum Role { case reader, writer }

    /// A body that runs on this thread, and the role of its connection.
    @safe
    private struct RunningBody {
        let detector: ObjectIdentifier
        let role: Role
        let outer: UnsafeMutableRawPointer?
    }

    /// A thread or a call that holds connections and waits for another one.
    private struct Waiter {
        /// The thread; for a call that suspends its task, an address that only this call uses.
        let id: UInt
        let readers: Int
        let hasWriter: Bool
        let awaited: Role
    }

    private let maximumReaders: Atomic<Int>
    private let waiters = Locked<[Waiter]>([])

    init(maximumReaders: Int) { self.maximumReaders = Atomic(maximumReaders) }

    /// Changes the number of readers. Calls that already wait are not checked again.
    func resize(to maximum: Int) { maximumReaders.store(maximum, ordering: .relaxed) }

    /// Runs `body`, and records during that time that this thread holds a connection.
    func whileHolding<Value, Failure: Error>(
        _ role: Role,
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let outer = unsafe lockpool_thread_context()
        var running = unsafe RunningBody(detector: ObjectIdentifier(self), role: role, outer: outer)
        let result = unsafe withUnsafeMutablePointer(to: &running) { running -> Result<Value, Failure> in
            unsafe lockpool_thread_set_context(running)
            defer { unsafe lockpool_thread_set_context(outer) }
            do throws(Failure) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Registers this thread, which is about to block until a connection is available, if it holds
    /// one.
    ///
    /// - Returns: Whether the caller must call ``endWait()`` afterwards.
    /// - Throws: `SQLiteError` with the code `deadlock` if no connection can become available.
    func beginWait(for awaited: Role) throws(SQLiteError) -> Bool {
        var (readers, hasWriter) = (0, false)
        var next = unsafe lockpool_thread_context()?.assumingMemoryBound(to: RunningBody.self)
        while let body = unsafe next {
            if unsafe body.pointee.detector == ObjectIdentifier(self) {
                if unsafe body.pointee.role == .reader { readers += 1 } else { hasWriter = true }
            }
            unsafe next = body.pointee.outer?.assumingMemoryBound(to: RunningBody.self)
        }
        guard readers > 0 || hasWriter else { return false }
        let waiter = Waiter(
            id: lockpool_thread_self(),
            readers: readers,
            hasWriter: hasWriter,
            awaited: awaited
        )
        try register(waiter)
        return true
    }

    /// Registers a call that holds the writer and is about to wait for a reader without blocking a
    /// thread.
    ///
    /// - Parameter call: An identifier of the call, for ``endWait(of:)``.
    /// - Throws: `SQLiteError` with the code `deadlock` if all readers are held by bodies that
    ///   wait for the writer.
    func beginWaitForReader(of call: UInt) throws(SQLiteError) {
        try register(Waiter(id: call, readers: 0, hasWriter: true, awaited: .reader))
    }

    private func register(_ waiter: Waiter) throws(SQLiteError) {
        let isDeadlock = waiters.withLock { waiters in
            let isDeadlock = stuck(of: waiters + [waiter]).contains { $0.id == waiter.id }
            if !isDeadlock { waiters.append(waiter) }
            return isDeadlock
        }
        guard isDeadlock else { return }
        throw SQLiteError(
            .deadlock,
            """
            the call would wait for ever for a connection that an enclosing body holds: use the connection that the body \
            receives, or call the pool outside of the body
            """
        )
    }

    func endWait() { endWait(of: lockpool_thread_self()) }

    func endWait(of id: UInt) {
        waiters.withLock { waiters in
            if let index = waiters.firstIndex(where: { $0.id == id }) { waiters.remove(at: index) }
        }
    }

    /// Returns the waiters whose connection only other members of the result can release.
    /// O(waiters²).
    private func stuck(of waiters: [Waiter]) -> [Waiter] {
        var stuck = waiters
        while true {
            let allReadersWait = stuck.reduce(0) { $0 + $1.readers } >= maximumReaders.load(ordering: .relaxed)
            let writerWaits = stuck.contains { $0.hasWriter }
            let left = stuck.filter { $0.awaited == .reader ? allReadersWait : writerWaits }
            if left.count == stuck.count { return left }
            stuck = left
        }
    }
}
