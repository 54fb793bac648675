// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Waiting without a task and without a thread: a waiter is a context and a function. For event loops, and for where there is
// no runtime at all.

/// What a callback waiter is told: the element that is its own now, or why there is none. Make a guard of it with
/// ``LockPool/lease(_:)``, exactly once.
@frozen
public struct Turn: Sendable {
    /// The form in which it passes through a C function.
    public let rawValue: Int

    /// Whether there is an element to lease.
    public var bringsElement: Bool { rawValue >= 0 }

    /// A turn that has passed through a C function.
    @inlinable
    public init(rawValue: Int) { self.rawValue = rawValue }
}

/// A callback waiter's place in line, by which it can be cancelled.
@frozen
public struct WaiterTicket: Sendable {
    @usableFromInline let ticket: UInt
    @usableFromInline let record: Int
}

extension LockPool where Element: ~Copyable {
    /// Gets in line as a function and a context for it.
    ///
    /// `onTurn` is called exactly once, unless this throws: with a turn when it comes, or with the reason when the waiter is
    /// cancelled or the pool closes or ends. It is called by whoever brings that about, on that thread, perhaps before
    /// this returns; it must not block. Tasks, threads and callbacks wait in one line.
    ///
    /// Give the element back after `onTurn` has returned where many callbacks wait: one that returns it inside hands it to
    /// the next callback inside, and so on, each a few frames deeper on the stack.
    ///
    /// A callback waiter does not keep the pool alive; somebody has to, until the turn is leased. When the last reference to
    /// the pool goes, those who still wait are called with a turn that brings nothing (``Turn/bringsElement``), and there is no
    /// pool any more to ask for the reason.
    ///
    /// - Parameters:
    ///   - context: What `onTurn` is called with. It has to stay valid until then.
    ///   - onTurn: Takes the context and the raw value of a ``Turn``.
    /// - Returns: The place in line, for ``cancel(_:)``.
    /// - Throws: ``LockPoolError`` with the code `closed` or `tooManyWaiters`.
    /// - Complexity: O(slots). Allocates nothing.
    @unsafe
    public func wait(
        context: UnsafeMutableRawPointer,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket {
        precondition(!core.shape.callersCreate, "LockPool: callers create in this pool, so check out with getOrCreate.")
        guard let record = core.takeRecord() else {
            throw core.error(core.isClosed ? Wakeup.closed : Wakeup.refused)
        }
        let waker = unsafe Waker(function: onTurn, context: context, givesRecordBack: true)
        switch core.enqueue(record, waker: waker) {
        case .queued(let ticket):
            core.examineSlots()
            return WaiterTicket(ticket: ticket.number, record: record)
        case .refused(let reason):
            core.giveRecord(record)
            throw core.error(reason)
        }
    }

    /// Takes a callback waiter out of the line.
    ///
    /// - Returns: Whether it was still there; then its function has been called with a turn that says `cancelled`. If not,
    ///   the function has been called before, or is being called.
    /// - Complexity: O(1).
    @discardableResult
    public func cancel(_ waiter: WaiterTicket) -> Bool {
        guard core.cancel(Ticket(waiter.ticket), record: waiter.record) else { return false }
        core.wake(waiter.record, Wakeup.cancelled)
        return true
    }

    /// Makes a guard of a turn that a callback waiter of this pool was given.
    ///
    /// Unsafe, because nothing keeps a turn from being leased twice, or from another pool.
    ///
    /// - Throws: ``LockPoolError`` if the turn brought no element.
    @unsafe
    public func lease(_ turn: Turn) throws(LockPoolError) -> LockGuard<Element> {
        if turn.rawValue < 0 { throw core.error(turn.rawValue) }
        precondition(turn.rawValue < capacity, "LockPool: this turn is of another pool.")
        return LockGuard(slot: core.slot(turn.rawValue))
    }
}
