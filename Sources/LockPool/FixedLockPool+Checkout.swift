// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

@available(macOS 26.0, *)
extension FixedLockPool where Element: ~Copyable {
    /// Leases an idle element if no caller waits, as ``LockPool/tryGet()``.
    ///
    /// - Returns: A guard; `nil` if no element is idle, a caller waits, or the pool is closed.
    /// - Complexity: O(1) if the element that this thread returned last is idle, which is one
    ///   atomic exchange; otherwise O(slots).
    @inlinable
    @inline(__always)
    public func tryGet() -> LockGuard<Element>? {
        guard let slot = core.leaseIdleSlot(stride: Self.stride) ?? core.leaseIdleSlotBehindCancelled() else {
            return nil
        }
        return LockGuard(slot: slot)
    }

    #if !hasFeature(Embedded)

        /// Leases an element, and waits in line if none is idle, as ``LockPool/get()``.
        ///
        /// Does not suspend if an element is idle and no caller waits.
        ///
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed` or `tooManyWaiters`;
        ///   `CancellationError` if the task is cancelled while it waits.
        /// - Complexity: As ``LockPool/get()``.
        @inlinable
        @inline(__always)
        public func get() async throws -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Self.stride) { return LockGuard(slot: slot) }
            // Nothing below uses the pool, which must live as long as the wait.
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.slotForTask(from: await core.wait(deadlines: nil, ticks: nil)))
        }

        /// Leases an element, and blocks the thread while none is idle, as
        /// ``LockPool/getBlocking(timeout:)``.
        ///
        /// - Parameter timeout: The longest wait, by the system's monotonic clock; `nil` for no
        ///   limit. With zero or less, the call succeeds only if an element is idle.
        /// - Returns: A guard with exclusive access to an element.
        /// - Throws: ``LockPoolError`` with the code `closed`, `tooManyWaiters` or `timedOut`.
        /// - Complexity: As ``get()``.
        @available(*, noasync, message: "Blocks the thread; use get.")
        @inlinable
        public func getBlocking(timeout: Duration? = nil) throws(LockPoolError) -> LockGuard<Element> {
            if let slot = core.leaseIdleSlot(stride: Self.stride) { return LockGuard(slot: slot) }
            defer { withExtendedLifetime(self) {} }
            return LockGuard(slot: try core.waitBlocking(timeout: timeout))
        }

    #endif

    /// Reserves a vacant slot, which the caller fills.
    ///
    /// Slots become vacant by ``LockGuard/take()`` and ``LockGuard/discard()``.
    ///
    /// - Returns: The reservation; `nil` if no slot is vacant.
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
    /// Puts a callback waiter in line, as ``LockPool/wait(context:onTurn:)``. The end of the pool
    /// calls `onTurn` with a turn without an element.
    @_spi(Callbacks)
    @unsafe
    public func wait(
        context: UnsafeMutableRawPointer,
        onTurn: @convention(c) (_ context: UnsafeMutableRawPointer, _ turn: Int) -> Void
    ) throws(LockPoolError) -> WaiterTicket {
        try unsafe core.wait(context: context, onTurn: onTurn)
    }

    /// Takes a callback waiter out of the line, as ``LockPool/cancel(_:)``.
    @_spi(Callbacks)
    @discardableResult
    public func cancel(_ waiter: WaiterTicket) -> Bool { core.cancel(waiter) }

    /// Converts the turn of a callback waiter of this pool to a guard, as ``LockPool/lease(_:)``.
    @_spi(Callbacks)
    @unsafe
    public func lease(_ turn: Turn) throws(LockPoolError) -> LockGuard<Element> {
        LockGuard(slot: try core.slot(for: turn))
    }
}

// MARK: - Slots and state, as in LockPool

@available(macOS 26.0, *)
extension FixedLockPool where Element: ~Copyable {
    /// The indices of the slots, from 0 to `count` − 1.
    public var slots: Range<Int> { 0..<count }

    /// Returns the state of a slot, as ``LockPool/peek(_:)``.
    public func peek(_ index: Int) -> SlotState { core.peek(index) }

    /// Leases the element of a slot if it is idle and no caller waits.
    package func tryGet(slot index: Int) -> LockGuard<Element>? {
        guard let slot = core.leaseIfIdle(index) else { return nil }
        return LockGuard(slot: slot)
    }

    /// Leases the element of a slot if it is idle, and calls `body` with it, as
    /// ``LockPool/tryWhileLocked(_:_:)``.
    public func tryWhileLocked<Result, Failure: Error>(
        _ index: Int,
        _ body: (inout sending Element) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result? {
        guard var lease = tryGet(slot: index) else { return nil }
        return try lease.withElement(body)
    }

    /// The current use of the slots, as ``LockPool/occupancy``. O(slots).
    public var occupancy: Occupancy { core.occupancy }

    /// The number of callers in line, as ``LockPool/waiters``.
    public var waiters: Int { core.waiters }

    /// Closes the pool, as ``LockPool/close()``. O(slots + waiters).
    public func close() { core.close() }

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { core.isClosed }

    /// The numbers of slots by state and of waiters. Never shows an element.
    public var debugDescription: String { core.description(of: "FixedLockPool") }
}
