// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@available(macOS 26.0, *)
extension FixedLockPool where Element: ~Copyable {
    /// Gets an element if one is idle and nobody waits, as ``LockPool/tryGet()``.
    ///
    /// - Returns: A guard, or `nil` if every element is taken, somebody waits, or the pool is closed.
    /// - Complexity: O(1) when the element that this thread returned last is idle, which is one atomic exchange; else
    ///   O(slots).
    @inlinable
    @inline(__always)
    public func tryGet() -> LockGuard<Element>? {
        guard let slot = core.leaseIdleSlot(stride: Self.stride) ?? core.leaseIdleSlotBehindCancelled() else {
            return nil
        }
        return LockGuard(slot: slot)
    }

    #if !hasFeature(Embedded)

        /// Gets an element, waiting in line if none is idle, as ``LockPool/get()``.
        ///
        /// Does not suspend if an element is idle and nobody waits.
        ///
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed`, or `tooManyWaiters` if as many wait as may; `CancellationError` if the task
        ///   is cancelled while it waits.
        /// - Complexity: As ``LockPool/get()``.
        @inlinable
        @inline(__always)
        public func get() async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Self.stride) { return LockGuard(slot: slot) }
            // Nothing else of the pool is used from here on, and it has to live for as long as the wait.
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.slotForTask(from: await core.wait(deadlines: nil, ticks: nil)))
        }

        /// Gets an element, blocking the thread while none is idle, as ``LockPool/getBlocking(timeout:)``.
        ///
        /// - Parameter timeout: How long to wait, by the system's monotonic clock; `nil` for as long as it takes.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed`, `tooManyWaiters`, or `timedOut`. A timeout of zero or less still
        ///   gets what is idle.
        /// - Complexity: As ``get()``.
        @available(*, noasync, message: "Blocks the thread; use get.")
        @inlinable
        public func getBlocking(timeout: Duration? = nil) throws(LockPoolError) -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Self.stride) { return LockGuard(slot: slot) }
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.waitBlocking(timeout: timeout))
        }

    #endif

    /// Reserves a vacant slot, to be filled from outside. Slots become vacant by ``LockGuard/take()`` and
    /// ``LockGuard/discard()``.
    ///
    /// - Returns: The reservation, or `nil` if no slot is vacant.
    /// - Complexity: O(slots).
    @inlinable
    public func tryReserve() -> Reservation<Element>? {
        guard let slot = core.reserveVacantSlot() else { return nil }
        return Reservation(slot: slot)
    }
}

// MARK: - Callbacks

@available(macOS 26.0, *)
extension FixedLockPool where Element: ~Copyable {
    /// Gets in line as a function and a context for it, as ``LockPool/wait(context:onTurn:)``.
    ///
    /// - Parameters:
    ///   - context: What `onTurn` is called with. It has to stay valid until then.
    ///   - onTurn: Takes the context and the raw value of a ``Turn``. Called exactly once, unless this throws: perhaps before
    ///     this returns, and with a turn that brings nothing when the pool ends. Must not block.
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

// MARK: - Slots and state

@available(macOS 26.0, *)
extension FixedLockPool where Element: ~Copyable {
    /// The numbers of the slots, from 0 to `count` − 1: for going through them with ``peek(_:)`` and
    /// ``tryWhileLocked(_:_:)``.
    public var slots: Range<Int> { 0..<count }

    /// The state of the slot with this number. It may be another in the next instant.
    ///
    /// - Parameter index: One of ``slots``.
    /// - Complexity: O(1); one load.
    public func peek(_ index: Int) -> SlotState { core.peek(index) }

    /// Gets the element of the slot with this number, if it is idle and nobody waits.
    ///
    /// - Parameter index: One of ``slots``.
    /// - Returns: A guard, or `nil`.
    /// - Complexity: O(1).
    public func tryGet(slot index: Int) -> LockGuard<Element>? {
        guard let slot = core.leaseIfIdle(index) else { return nil }
        return LockGuard(slot: slot)
    }

    /// Calls `body` with the element of the slot with this number while it is leased for that, if it is idle.
    ///
    /// - Parameters:
    ///   - index: One of ``slots``.
    ///   - body: Uses the element in place.
    /// - Returns: What `body` returns; `nil` if the slot was not idle.
    /// - Throws: What `body` throws.
    /// - Complexity: O(1).
    public func tryWhileLocked<Result, Failure: Error>(
        _ index: Int,
        _ body: (inout sending Element) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result? {
        guard var lease = tryGet(slot: index) else { return nil }
        return try lease.withElement(body)
    }

    /// How the slots are used now, each at its own instant. O(slots).
    public var occupancy: Occupancy { core.occupancy }

    /// The number of slots.
    public var capacity: Int { count }

    /// The number of callers in line now. Exact, but for one for each thread that is putting a caller in line or taking one out.
    public var waiters: Int { core.waiters }

    /// Refuses newcomers, fails everyone who waits with ``LockPoolError/Code/closed``, destroys what is idle, and lets
    /// what is leased be destroyed on its return.
    ///
    /// Safe to call again, and from several threads at once.
    ///
    /// - Complexity: O(slots + waiters).
    public func close() { core.close() }

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { core.isClosed }

    /// The states of the slots and the length of the line; never an element.
    public var debugDescription: String { core.description(of: "FixedLockPool") }
}
