// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// The indices of the slots, from 0 to ``capacity`` − 1, for ``peek(_:)`` and
    /// ``tryWhileLocked(_:_:)``.
    public var slots: Range<Int> { 0..<capacity }

    /// Returns the state of a slot, which may change at the next instant.
    ///
    /// - Parameter index: One of ``slots``.
    /// - Complexity: O(1); one load.
    public func peek(_ index: Int) -> SlotState { core.peek(index) }

    /// Leases the element of a slot if it is idle.
    ///
    /// For visiting all idle elements, to maintain or to count them. A slot with waiters is not
    /// idle, so this method overtakes no caller.
    ///
    /// - Parameter index: One of ``slots``.
    /// - Returns: A guard; `nil` if the slot is not idle.
    /// - Complexity: O(1).
    public func tryGet(slot index: Int) -> LockGuard<Element>? {
        guard let slot = core.leaseIfIdle(index) else { return nil }
        return LockGuard(slot: slot)
    }

    /// Leases the element of a slot if it is idle, and calls `body` with it.
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
