// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Threads for the connections of many pools. A connection occupies a thread only while it has
/// work.
///
/// A thread that finds no further work item in the mailbox of a connection leaves the mailbox,
/// and parks here. A work item for an unattended mailbox brings a parked thread, or else a new
/// one. There are therefore at most as many threads as connections, and as many as calls that ran
/// at the same time. Parked threads end after some time, and when the last connection is closed.
///
/// SQLite permits the change: a connection needs one user at a time, not always the same thread.
final class SharedThreads: Sendable {
    private struct State {
        /// The parked threads; the latest one is taken first, so that the others can end.
        var parked: [ParkedThread] = []
        /// The number of threads.
        var count = 0
        /// The number of mailboxes that may receive work items.
        var mailboxes = 0
        /// Mailboxes with a work item, for which no thread could be started.
        var unattended: [Mailbox] = []
    }

    /// The time in nanoseconds after which a parked thread ends. One thread stays as long as
    /// there are connections, so that a work item has a thread if no other one can be started.
    private static let parkingTime: UInt64 = 5_000_000_000

    private let state = Locked(State())
    private let stackSize: @Sendable () -> Int

    /// - Parameter stackSize: Returns the size of the stack of a new thread. With a size that no
    ///   system has, a thread cannot be started.
    init(stackSize: @escaping @Sendable () -> Int = { ConnectionThread.stackSize }) { self.stackSize = stackSize }

    /// The number of threads, and the number of those that serve a mailbox.
    var figures: (all: Int, busy: Int) {
        state.withLock { state in (state.count, state.count - state.parked.count) }
    }

    /// Adds a mailbox.
    ///
    /// - Throws: `SQLiteError` with the code `threadUnavailable` if there is no thread and none
    ///   can be started.
    func addMailbox() throws(SQLiteError) {
        let isFirst = state.withLock { state in
            state.mailboxes += 1
            guard state.count == 0 else { return false }
            state.count = 1
            return true
        }
        guard isFirst else { return }
        do throws(SQLiteError) {
            try start(serving: nil)
        } catch {
            removeMailbox()
            throw error
        }
    }

    /// Removes a mailbox, which receives no further work item. The last one ends the threads.
    func removeMailbox() {
        let parked = state.withLock { state -> [ParkedThread] in
            state.mailboxes -= 1
            guard state.mailboxes == 0 else { return [] }
            defer { state.parked = [] }
            state.count -= state.parked.count
            return state.parked
        }
        for thread in parked { thread.wake(for: nil) }
    }

    /// Brings a thread to a mailbox that has a work item and no thread.
    func attend(_ mailbox: Mailbox) {
        let parked = state.withLock { state in
            let parked = state.parked.popLast()
            if parked == nil { state.count += 1 }
            return parked
        }
        if let parked { return parked.wake(for: mailbox) }
        do throws(SQLiteError) {
            try start(serving: mailbox)
        } catch {
            // The next thread without work serves it.
            let parked = state.withLock { state in
                let parked = state.parked.popLast()
                if parked == nil { state.unattended.append(mailbox) }
                return parked
            }
            parked?.wake(for: mailbox)
        }
    }

    /// Returns the next mailbox for a thread; `nil` if the thread must end.
    private func nextMailbox() -> Mailbox? {
        unsafe withUnsafeTemporaryAllocation(of: lockpool_parker.self, capacity: 1) { buffer in
            let thread = unsafe ParkedThread(parker: buffer.baseAddress!)
            unsafe lockpool_parker_init(thread.parker)
            defer { unsafe lockpool_parker_destroy(thread.parker) }
            enum Next { case park, end, serve(Mailbox) }
            let next = state.withLock { state -> Next in
                if !state.unattended.isEmpty { return .serve(state.unattended.removeFirst()) }
                if state.mailboxes == 0 {
                    state.count -= 1
                    return .end
                }
                state.parked.append(thread)
                return .park
            }
            switch next {
            case .serve(let mailbox): return mailbox
            case .end: return nil
            case .park: return wait(thread)
            }
        }
    }

    private func wait(_ thread: ParkedThread) -> Mailbox? {
        var (wakeup, limit) = (0, Self.parkingTime)
        while unsafe !lockpool_parker_wait(thread.parker, limit, &wakeup) {
            // If the thread is not in the list, another one is about to wake it.
            let mayEnd = state.withLock { state in
                guard state.count > 1, let index = state.parked.firstIndex(where: { unsafe $0.parker == thread.parker })
                else { return false }
                state.parked.remove(at: index)
                state.count -= 1
                return true
            }
            if mayEnd { return nil }
            limit = .max
        }
        guard let mailbox = unsafe UnsafeRawPointer(bitPattern: wakeup) else { return nil }
        return unsafe Unmanaged<Mailbox>.fromOpaque(mailbox).takeRetainedValue()
    }

    /// A thread without work.
    @safe
    private struct ParkedThread: @unchecked Sendable {
        let parker: UnsafeMutablePointer<lockpool_parker>

        /// Wakes the thread, once, to serve a mailbox or to end.
        func wake(for mailbox: Mailbox?) {
            let wakeup = mailbox.map { unsafe Int(bitPattern: Unmanaged.passRetained($0).toOpaque()) } ?? 0
            unsafe lockpool_parker_wake(parker, wakeup)
        }
    }

    /// What a new thread serves.
    private final class FirstMailbox: Sendable {
        let threads: SharedThreads
        let mailbox: Mailbox?

        init(_ threads: SharedThreads, _ mailbox: Mailbox?) {
            self.threads = threads
            self.mailbox = mailbox
        }
    }

    /// Starts a thread, which is counted already.
    private func start(serving mailbox: Mailbox?) throws(SQLiteError) {
        let context = unsafe Unmanaged.passRetained(FirstMailbox(self, mailbox))
        let code = unsafe lockpool_thread_start(
            { unsafe SharedThreads.run($0!) },
            context.toOpaque(),
            stackSize()
        )
        if code == 0 { return }
        unsafe context.release()
        state.withLock { $0.count -= 1 }
        throw ConnectionThread.unavailable(code)
    }

    private static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        let context = unsafe Unmanaged<FirstMailbox>.fromOpaque(argument).takeRetainedValue()
        unsafe lockpool_thread_name("sqlite-shared")
        var next = context.mailbox
        while let mailbox = next ?? context.threads.nextMailbox() {
            mailbox.serve()
            next = nil
        }
        return nil
    }
}

extension SharedThreads {
    /// Runs `body`, which may block, on one of the threads.
    ///
    /// - Throws: The error of `body`; `SQLiteError` with the code `threadUnavailable`.
    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let thread = try ConnectionThread(sharing: self)
        return try await withCheckedThrowingContinuation { continuation in
            thread.submit(ClosureWorkItem { continuation.resume(with: Result { try body() }) })
        }
    }
}
