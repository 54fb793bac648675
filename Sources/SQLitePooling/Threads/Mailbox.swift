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

/// Room for one piece of work, and a thread that waits for it.
///
/// All that passes is one word: nothing, a reference, or that the thread is asleep. Only to wake a thread that is asleep takes
/// a lock, so that work that comes while the thread is busy, as it does when a line waits, costs one exchange.
@safe
final class Mailbox: @unsafe @unchecked Sendable {
    let name: String

    private static var empty: UInt { 0 }
    private static var asleep: UInt { 1 }
    private static var ended: UInt { 2 }

    private let word = Atomic<UInt>(Mailbox.empty)

    // Of fixed address, which C's locks need, and freed when neither the thread nor its owner refers to this any more.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

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

    /// - Returns: Whether the thread is awake, so that it takes the work at once.
    @discardableResult
    func put(_ work: Work) -> Bool {
        replace(with: UInt(bitPattern: unsafe Unmanaged.passRetained(work).toOpaque()))
    }

    /// Lets the thread end.
    func end() { _ = replace(with: Mailbox.ended) }

    private func replace(with content: UInt) -> Bool {
        // Release: the thread sees the work as it was made. Acquire: whoever puts it owns what the thread has left.
        let before = word.exchange(content, ordering: .acquiringAndReleasing)
        precondition(before <= Mailbox.asleep, "A connection has one user at a time.")
        guard before == Mailbox.asleep else { return true }
        // The thread has gone to sleep under the lock, or is about to: it looks at the word again with the lock in hand.
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(condition)
        return false
    }

    /// The work that is there, if any.
    func takeIfAny() -> Work? {
        let content = word.load(ordering: .relaxed)
        guard content > Mailbox.ended else { return nil }
        // Nobody puts anything over work that has not been taken.
        return work(word.exchange(Mailbox.empty, ordering: .acquiringAndReleasing))
    }

    /// The work that is there, or comes in some microseconds while `mayGoOn`.
    func takeSoon(while mayGoOn: () -> Bool) -> Work? {
        if let work = takeIfAny() { return work }
        let hasCome = Polling.forWork.wait(until: { word.load(ordering: .relaxed) != Mailbox.empty }, while: mayGoOn)
        return hasCome ? takeIfAny() : nil
    }

    /// Waits for work.
    ///
    /// - Returns: `nil` when there will be none any more.
    func take() -> Work? {
        if let work = takeSoon(while: { CallsInFlight.areFew }) { return work }
        if word.compareExchange(
            expected: Mailbox.empty,
            desired: Mailbox.asleep,
            ordering: .acquiringAndReleasing
        ).exchanged {
            unsafe pthread_mutex_lock(mutex)
            while word.load(ordering: .relaxed) == Mailbox.asleep { unsafe pthread_cond_wait(condition, mutex) }
            unsafe pthread_mutex_unlock(mutex)
        }
        return takeIfAny()
    }

    private func work(_ content: UInt) -> Work {
        unsafe Unmanaged<Work>.fromOpaque(UnsafeRawPointer(bitPattern: content)!).takeRetainedValue()
    }
}
