// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Waiting without a task and without a thread. A waiter is a function and a context for it.
//
// The interface is SPI, `@_spi(Callbacks)`, because its use is unsafe and tasks do not need it.
// Its users are programs in Embedded Swift, which have no tasks, event loops, and pools that are
// built on this one.

/// The outcome of a callback waiter's wait: a leased element, or the reason why there is none.
///
/// Convert it to a guard with ``LockPool/lease(_:)``, exactly once.
@_spi(Callbacks)
@frozen
public struct Turn: Sendable {
    /// The form that passes through a C function.
    public let rawValue: Int

    /// Whether there is an element to lease.
    public var bringsElement: Bool { rawValue >= 0 }

    /// Creates a turn from a value that has passed through a C function.
    @inlinable
    public init(rawValue: Int) { self.rawValue = rawValue }
}

/// A callback waiter's position in line, which ``LockPool/cancel(_:)`` takes.
@_spi(Callbacks)
@frozen
public struct WaiterTicket: Sendable {
    @usableFromInline let ticket: UInt
    @usableFromInline let record: Int
}

extension Core {
    /// Puts a callback waiter in line and examines every slot.
    ///
    /// The waiter may be served before this function returns. Two threads therefore use its
    /// record: this one, which stores the ticket in it for the deadline sweep, and the thread
    /// that wakes the waiter. The second of the two releases the record.
    ///
    /// - Parameter deadline: The end of the wait, in ticks of the pool's clock; `nil` for none.
    /// - Complexity: O(slots). Allocates only the memory that no waiter has needed before.
    @unsafe
    func wait(
        context: UnsafeMutableRawPointer,
        deadline: UInt? = nil,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket {
        precondition(!shape.callersCreate, "LockPool: callers create in this pool, so check out with getOrCreate.")
        guard let record = takeRecord() else { throw error(isClosed ? Wakeup.closed : Wakeup.refused) }
        if let deadline { self.record(record).deadline.storeRelaxed(deadline) }
        let waker = unsafe Waker(function: onTurn, context: context, releasesRecord: true)
        switch enqueue(record, waker: waker) {
        case .queued(let ticket):
            examineSlots()
            finishRecord(record, Record.Progress.queued(ticket))
            return WaiterTicket(ticket: ticket.number, record: record)
        case .refused(let reason):
            releaseRecord(record)
            throw error(reason)
        }
    }

    /// Takes a callback waiter out of the line and calls its function.
    ///
    /// - Returns: Whether the waiter was still in line.
    func cancel(_ waiter: WaiterTicket) -> Bool {
        guard cancel(Ticket(waiter.ticket), record: waiter.record) else { return false }
        wake(waiter.record, Wakeup.cancelled)
        return true
    }

    /// Returns the slot that a callback waiter received with its turn.
    func slot(for turn: Turn) throws(LockPoolError) -> Slot {
        if turn.rawValue < 0 { throw error(turn.rawValue) }
        precondition(turn.rawValue < capacity, "LockPool: this turn is of another pool.")
        return slot(turn.rawValue)
    }
}
