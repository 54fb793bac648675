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

extension Core {
    /// Gets in line as a function and a context for it, and looks at every slot.
    ///
    /// The waiter may be served before this has come to an end, and its record is used by two: by this, which notes the
    /// ticket in it for whoever looks for deadlines, and by whoever wakes. The second of the two gives it back.
    ///
    /// - Parameter deadline: When the wait ends, in ticks of the pool's clock; `nil` for never.
    /// - Complexity: O(slots). Allocates nothing.
    @usableFromInline
    @unsafe
    func wait(
        context: UnsafeMutableRawPointer,
        deadline: UInt? = nil,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket {
        precondition(!shape.callersCreate, "LockPool: callers create in this pool, so check out with getOrCreate.")
        guard let record = takeRecord() else { throw error(isClosed ? Wakeup.closed : Wakeup.refused) }
        if let deadline { self.record(record).deadline.storeRelaxed(deadline) }
        let waker = unsafe Waker(function: onTurn, context: context, givesRecordBack: true)
        switch enqueue(record, waker: waker) {
        case .queued(let ticket):
            examineSlots()
            leaveRecord(record, Record.Progress.queued(ticket))
            return WaiterTicket(ticket: ticket.number, record: record)
        case .refused(let reason):
            giveRecord(record)
            throw error(reason)
        }
    }

    /// Takes a callback waiter out of the line, and tells it.
    ///
    /// - Returns: Whether it was still there.
    @usableFromInline
    func cancel(_ waiter: WaiterTicket) -> Bool {
        guard cancel(Ticket(waiter.ticket), record: waiter.record) else { return false }
        wake(waiter.record, Wakeup.cancelled)
        return true
    }

    /// The slot that a callback waiter was given with its turn.
    @usableFromInline
    func slot(for turn: Turn) throws(LockPoolError) -> Slot {
        if turn.rawValue < 0 { throw error(turn.rawValue) }
        precondition(turn.rawValue < capacity, "LockPool: this turn is of another pool.")
        return slot(turn.rawValue)
    }
}
