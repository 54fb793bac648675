// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// The indices of the slots, including those that ``resize(to:)`` has retired, for
    /// ``peek(_:)`` and ``tryWhileLocked(_:_:)``. Their number grows by 64 or more at a time.
    public var slots: Range<Int> { 0..<capacity }

    /// Returns the state of a slot, which may change at the next instant.
    ///
    /// - Parameter index: One of ``slots``.
    /// - Complexity: O(1); one load.
    public func peek(_ index: Int) -> SlotState { core.peek(index) }

    /// Leases the element of a slot if it is idle and no caller waits. O(1).
    package func tryGet(slot index: Int) -> LockGuard<Element>? {
        guard let slot = core.leaseIfIdle(index) else { return nil }
        return LockGuard(slot: slot)
    }

    /// Leases the element of a slot if it is idle, and calls `body` with it.
    ///
    /// For visiting all idle elements, to maintain or to count them. Overtakes no caller: no slot
    /// is idle for this method while a caller waits.
    ///
    /// - Parameters:
    ///   - index: One of ``slots``.
    ///   - body: Uses the element in place.
    /// - Returns: The result of `body`; `nil` if the slot was not idle.
    /// - Throws: The error that `body` throws.
    /// - Complexity: O(1).
    public func tryWhileLocked<Result, Failure: Error>(
        _ index: Int,
        _ body: (inout sending Element) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result? {
        guard var lease = tryGet(slot: index) else { return nil }
        return try lease.withElement(body)
    }

    /// The current use of the slots, each read at an instant of its own. O(slots).
    public var occupancy: Occupancy { core.occupancy }
}

extension LockPool: CustomDebugStringConvertible where Element: ~Copyable {
    /// The numbers of slots by state and of waiters. Never shows an element.
    public var debugDescription: String { core.description(of: "LockPool") }
}
