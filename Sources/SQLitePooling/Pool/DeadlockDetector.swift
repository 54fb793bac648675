// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling

/// Finds calls that block a thread for a connection that cannot come free, because threads that wait alike hold all of them.
///
/// Each body that runs notes on its thread which connection it has. A call that is about to block looks there: if the thread has none
/// of this pool's, that is all. Otherwise the call is noted as long as it waits. A deadlock is complete with its last call, and that one
/// fails; the others go on when its body has ended.
final class DeadlockDetector: Sendable {
    enum Role { case reader, writer }

    /// A body that runs on this thread, and what it has a connection of.
    @safe
    private struct RunningBody {
        let detector: ObjectIdentifier
        let role: Role
        let outer: UnsafeMutableRawPointer?
    }

    /// A thread or a call that waits for a connection while it has some.
    private struct Waiter {
        /// The thread; for a call that suspends its task, an address that is the call's own.
        let id: UInt
        let readers: Int
        let hasWriter: Bool
        let awaited: Role
    }

    private let maximumReaders: Int
    private let waiters = Locked<[Waiter]>([])

    init(maximumReaders: Int) { self.maximumReaders = maximumReaders }

    /// Calls `body`, and notes for that time that this thread has a connection.
    func withNote<Failure: Error>(of role: Role, _ body: () throws(Failure) -> Void) throws(Failure) {
        let outer = unsafe lockpool_thread_context()
        var note = unsafe RunningBody(detector: ObjectIdentifier(self), role: role, outer: outer)
        let result = unsafe withUnsafeMutablePointer(to: &note) { note -> Result<Void, Failure> in
            unsafe lockpool_thread_set_context(note)
            defer { unsafe lockpool_thread_set_context(outer) }
            do throws(Failure) {
                return .success(try body())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Notes that this thread is about to block until a connection comes free.
    ///
    /// - Returns: Whether ``endWait()`` is to be called afterwards.
    /// - Throws: `SQLiteError` with the code `deadlock` if none can.
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
        try note(waiter)
        return true
    }

    /// Notes that a call that has the writer is about to wait for a reader, without a thread.
    ///
    /// - Parameter call: What stands for the call, until ``endWait(of:)``.
    /// - Throws: `SQLiteError` with the code `deadlock` if all readers are held by bodies that wait for the writer.
    func beginWaitForReader(of call: UInt) throws(SQLiteError) {
        try note(Waiter(id: call, readers: 0, hasWriter: true, awaited: .reader))
    }

    private func note(_ waiter: Waiter) throws(SQLiteError) {
        let isDeadlock = waiters.withLock { waiters in
            let isDeadlock = stuck(of: waiters + [waiter]).contains { $0.id == waiter.id }
            if !isDeadlock { waiters.append(waiter) }
            return isDeadlock
        }
        guard isDeadlock else { return }
        throw SQLiteError(
            .deadlock,
            """
            the call would wait for ever for a connection that the body around it has: use the connection that the body \
            is lent, or call the pool outside of the body
            """
        )
    }

    func endWait() { endWait(of: lockpool_thread_self()) }

    func endWait(of id: UInt) {
        waiters.withLock { waiters in
            if let index = waiters.firstIndex(where: { $0.id == id }) { waiters.remove(at: index) }
        }
    }

    /// Those of `waiters` that only others of these can serve. O(waiters²).
    private func stuck(of waiters: [Waiter]) -> [Waiter] {
        var stuck = waiters
        while true {
            let allReadersWait = stuck.reduce(0) { $0 + $1.readers } >= maximumReaders
            let writerWaits = stuck.contains { $0.hasWriter }
            let left = stuck.filter { $0.awaited == .reader ? allReadersWait : writerWaits }
            if left.count == stuck.count { return left }
            stuck = left
        }
    }
}
