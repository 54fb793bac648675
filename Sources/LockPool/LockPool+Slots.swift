// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension LockPool where Element: ~Copyable {
    /// The states that a slot can be in.
    public enum SlotState: Hashable, Sendable {
        /// Without an element.
        case vacant
        /// Being filled or emptied.
        case reserved
        /// With an element that is free.
        case idle
        /// With an element that is in use.
        case leased
    }

    /// The state of the slot with this number, from 0 to ``capacity`` − 1. It may be another in the next instant.
    ///
    /// - Complexity: O(1); one load.
    public func peek(_ index: Int) -> SlotState {
        precondition(0..<capacity ~= index, "LockPool: there is no slot \(index).")
        return switch core.slot(index).state.loadRelaxed() & SlotWord.phase {
        case SlotWord.vacant: .vacant
        case SlotWord.reserved: .reserved
        case SlotWord.idle: .idle
        default: .leased
        }
    }

    /// Gets the element of the slot with this number, if it is idle.
    ///
    /// For going through all elements, whichever are free: to look after them, or to count what is in them. A slot
    /// that somebody waits for is not idle, so this overtakes nobody.
    ///
    /// - Parameter index: From 0 to ``capacity`` − 1.
    /// - Returns: A guard, or `nil`.
    /// - Complexity: O(1).
    public func tryGet(slot index: Int) -> LockGuard<Element>? {
        precondition(0..<capacity ~= index, "LockPool: there is no slot \(index).")
        let slot = core.slot(index)
        return QueueWord(bits: core.queue.loadAcquire()).admitsNewcomers && slot.tryLease()
            ? LockGuard(slot: slot) : nil
    }

    /// Calls `body` with the element of the slot with this number while it is leased for that, if it is idle.
    ///
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
    public var occupancy: Occupancy {
        var occupancy = Occupancy()
        for index in 0..<capacity {
            switch peek(index) {
            case .vacant: occupancy.vacant += 1
            case .reserved: occupancy.reserved += 1
            case .idle: occupancy.idle += 1
            case .leased: occupancy.leased += 1
            }
        }
        return occupancy
    }
}

/// How the slots of a ``LockPool`` are used.
public struct Occupancy: Hashable, Sendable {
    /// Slots without an element.
    public internal(set) var vacant = 0

    /// Slots that somebody is filling or emptying.
    public internal(set) var reserved = 0

    /// Slots whose element is free.
    public internal(set) var idle = 0

    /// Slots whose element is in use.
    public internal(set) var leased = 0
}

extension LockPool: CustomDebugStringConvertible where Element: ~Copyable {
    /// The states of the slots and the length of the line; never an element.
    public var debugDescription: String {
        let now = occupancy
        return "LockPool(\(now.leased) leased, \(now.idle) idle, \(now.reserved) reserved, \(now.vacant) vacant, "
            + "\(waiters) waiting\(isClosed ? ", closed" : ""))"
    }
}
