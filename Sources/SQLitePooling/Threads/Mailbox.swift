// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A mailbox of one work item, and a thread that waits for it.
///
/// One atomic word holds the state: empty, an item, or that the thread is asleep. Only waking a
/// sleeping thread takes a lock. An item for a busy thread, which is the usual case while callers
/// wait, costs one exchange.
///
/// With shared threads, the thread leaves the mailbox instead of falling asleep, and the next item
/// brings one of them.
@safe
final class Mailbox: @unsafe @unchecked Sendable {
    let name: String
    /// The threads that serve the mailbox; `nil` if it has a thread of its own.
    let threads: SharedThreads?

    private static var empty: UInt { 0 }
    /// The thread is asleep, or shared and absent.
    private static var asleep: UInt { 1 }
    private static var ended: UInt { 2 }

    private let word: Atomic<UInt>

    // At a fixed address, as C's locks require. Freed when neither the thread nor the owner refers
    // to the mailbox.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(name: String, threads: SharedThreads?) {
        self.name = name
        self.threads = threads
        word = Atomic(threads == nil ? Mailbox.empty : Mailbox.asleep)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Puts an item into the mailbox.
    ///
    /// - Returns: Whether the thread is awake, so that it takes the item immediately.
    @discardableResult
    func put(_ item: WorkItem) -> Bool {
        replace(with: UInt(bitPattern: unsafe Unmanaged.passRetained(item).toOpaque()))
    }

    /// Ends the thread.
    func end() { _ = replace(with: Mailbox.ended) }

    private func replace(with content: UInt) -> Bool {
        // Release: the thread sees the complete item. Acquire: the caller of `put` sees what the
        // thread has written.
        let before = word.exchange(content, ordering: .acquiringAndReleasing)
        precondition(before <= Mailbox.asleep, "A connection has one user at a time.")
        guard before == Mailbox.asleep else { return true }
        if let threads {
            if content != Mailbox.ended { threads.attend(self) }
            return false
        }
        // The thread sleeps under the lock, or is about to: it checks the word again while it
        // holds the lock.
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(condition)
        return false
    }

    /// Returns the item in the mailbox, or `nil`.
    func tryTake() -> WorkItem? {
        let content = word.load(ordering: .relaxed)
        guard content > Mailbox.ended else { return nil }
        // No caller replaces an item that has not been taken.
        return item(word.exchange(Mailbox.empty, ordering: .acquiringAndReleasing))
    }

    /// Returns the item in the mailbox, or one that arrives while this polls, which it does for
    /// some microseconds while `mayGoOn`.
    func pollForItem(while mayGoOn: () -> Bool) -> WorkItem? {
        if let item = tryTake() { return item }
        let hasItem = Polling.forWork.wait(until: { word.load(ordering: .relaxed) != Mailbox.empty }, while: mayGoOn)
        return hasItem ? tryTake() : nil
    }

    /// Runs the items, on this thread, until it must end or, if it is shared, leave.
    func serve() {
        var next: WorkItem?
        while let item = next ?? take() { next = item.run() }
    }

    /// Waits for an item.
    ///
    /// - Returns: The item; `nil` when the thread must end, or is shared and no item is there.
    private func take() -> WorkItem? {
        if let item = pollForItem(while: { CallsInFlight.areFew }) { return item }
        if word.compareExchange(
            expected: Mailbox.empty,
            desired: Mailbox.asleep,
            ordering: .acquiringAndReleasing
        ).exchanged {
            // From now on the next item brings another thread.
            if threads != nil { return nil }
            unsafe pthread_mutex_lock(mutex)
            while word.load(ordering: .relaxed) == Mailbox.asleep { unsafe pthread_cond_wait(condition, mutex) }
            unsafe pthread_mutex_unlock(mutex)
        }
        return tryTake()
    }

    private func item(_ content: UInt) -> WorkItem {
        unsafe Unmanaged<WorkItem>.fromOpaque(UnsafeRawPointer(bitPattern: content)!).takeRetainedValue()
    }
}
