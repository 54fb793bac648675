// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// The numbers of the slots, from 0 to ``capacity`` − 1: for going through them with ``peek(_:)`` and
    /// ``tryWhileLocked(_:_:)``.
    public var slots: Range<Int> { 0..<capacity }

    /// The state of the slot with this number. It may be another in the next instant.
    ///
    /// - Parameter index: One of ``slots``.
    /// - Complexity: O(1); one load.
    public func peek(_ index: Int) -> SlotState { core.peek(index) }

    /// Gets the element of the slot with this number, if it is idle.
    ///
    /// For going through all elements, whichever are free: to look after them, or to count what is in them. A slot
    /// that somebody waits for is not idle, so this overtakes nobody.
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
}

extension LockPool: CustomDebugStringConvertible where Element: ~Copyable {
    /// The states of the slots and the length of the line; never an element.
    public var debugDescription: String { core.description(of: "LockPool") }
}
