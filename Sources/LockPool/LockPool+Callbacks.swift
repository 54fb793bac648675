// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// Puts a callback waiter, a function and its context, in line.
    ///
    /// `onTurn` is called exactly once unless this method throws: with an element when the
    /// waiter's turn comes, or with the reason when the waiter is cancelled or the pool closes or
    /// ends. The thread that causes the call makes it, perhaps before this method returns.
    /// `onTurn` must not block. Tasks, threads and callbacks wait in one line.
    ///
    /// If many callbacks wait, return the element after `onTurn` has returned. A callback that
    /// returns the element itself calls the next callback, which calls the next one, each a few
    /// frames deeper on the stack.
    ///
    /// A callback waiter does not keep the pool alive. The caller must do so until the turn is
    /// leased. When the last reference to the pool ends, the remaining waiters are called with a
    /// turn without an element (``Turn/bringsElement``), and no pool is left that could give the
    /// reason.
    ///
    /// - Parameters:
    ///   - context: The argument of `onTurn`. It must stay valid until that call.
    ///   - onTurn: Receives the context and the raw value of a ``Turn``.
    /// - Returns: The position in line, for ``cancel(_:)``.
    /// - Throws: ``LockPoolError`` with the code `closed` or `tooManyWaiters`.
    /// - Complexity: O(slots). Allocates only the memory that no waiter has needed before.
    @_spi(Callbacks)
    @unsafe
    public func wait(
        context: UnsafeMutableRawPointer,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket {
        try unsafe core.wait(context: context, onTurn: onTurn)
    }

    #if !hasFeature(Embedded)

        /// Puts a callback waiter in line, as ``wait(context:onTurn:)``. At the end of `timeout`,
        /// the waiter is called with a turn without an element.
        @unsafe
        package func wait(
            context: UnsafeMutableRawPointer,
            timeout: Duration,
            onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
        ) throws(LockPoolError) -> WaiterTicket {
            let deadline = deadlines.deadline(after: UInt(ticksOf: timeout))
            let ticket = try unsafe core.wait(context: context, deadline: deadline, onTurn: onTurn)
            // The waiter is in line, and its ticket in its record. If it has been served since, a
            // sweep finds nothing to do.
            deadlines.arm(deadline, record: ticket.record)
            return ticket
        }

    #endif

    /// Takes a callback waiter out of the line.
    ///
    /// - Returns: Whether the waiter was still in line. If so, its function has been called with
    ///   a turn whose error is `cancelled`. If not, its function has been called before or is
    ///   being called.
    /// - Complexity: O(1).
    @_spi(Callbacks)
    @discardableResult
    public func cancel(_ waiter: WaiterTicket) -> Bool { core.cancel(waiter) }

    /// Converts the turn of a callback waiter of this pool to a guard.
    ///
    /// Unsafe: the compiler does not prevent a turn from being leased twice, or from another
    /// pool.
    ///
    /// - Throws: ``LockPoolError`` if the turn brought no element.
    @_spi(Callbacks)
    @unsafe
    public func lease(_ turn: Turn) throws(LockPoolError) -> LockGuard<Element> {
        LockGuard(slot: try core.slot(for: turn))
    }
}
