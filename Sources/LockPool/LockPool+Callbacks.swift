// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

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
        try unsafe core.wait(context: context, onTurn: onTurn)
    }

    #if !hasFeature(Embedded)

        /// As ``wait(context:onTurn:)``, for at most `timeout`: afterwards the waiter is called with a turn that brings nothing.
        @unsafe
        package func wait(
            context: UnsafeMutableRawPointer,
            timeout: Duration,
            onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
        ) throws(LockPoolError) -> WaiterTicket {
            let deadline = deadlines.deadline(after: UInt(ticksOf: timeout))
            let ticket = try unsafe core.wait(context: context, deadline: deadline, onTurn: onTurn)
            // The waiter is in line, and its ticket in its record. If it has been served since, a sweep looks in vain.
            deadlines.arm(deadline, record: ticket.record)
            return ticket
        }

    #endif

    /// Takes a callback waiter out of the line.
    ///
    /// - Returns: Whether it was still there; then its function has been called with a turn that says `cancelled`. If not,
    ///   the function has been called before, or is being called.
    /// - Complexity: O(1).
    @discardableResult
    public func cancel(_ waiter: WaiterTicket) -> Bool { core.cancel(waiter) }

    /// Makes a guard of a turn that a callback waiter of this pool was given.
    ///
    /// Unsafe, because nothing keeps a turn from being leased twice, or from another pool.
    ///
    /// - Throws: ``LockPoolError`` if the turn brought no element.
    @unsafe
    public func lease(_ turn: Turn) throws(LockPoolError) -> LockGuard<Element> {
        LockGuard(slot: try core.slot(for: turn))
    }
}
