// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The states that a slot of a pool can be in.
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

/// How the slots of a pool are used.
public struct Occupancy: Hashable, Sendable {
    /// Slots without an element.
    public internal(set) var vacant = 0

    /// Slots that somebody is filling or emptying.
    public internal(set) var reserved = 0

    /// Slots whose element is free.
    public internal(set) var idle = 0

    /// Slots whose element is in use.
    public internal(set) var leased = 0

    /// Slots that are not vacant.
    package var occupied: Int { leased + idle + reserved }
}

extension Core {
    /// The state of the slot with this number. O(1); one load.
    func peek(_ index: Int) -> SlotState {
        switch existingSlot(index).state.loadRelaxed() & SlotWord.phase {
        case SlotWord.vacant: .vacant
        case SlotWord.reserved: .reserved
        case SlotWord.idle: .idle
        default: .leased
        }
    }

    /// Leases the slot with this number if it is idle, unless somebody waits. O(1).
    func leaseIfIdle(_ index: Int) -> Slot? {
        let slot = existingSlot(index)
        return QueueWord(bits: queue.loadAcquire()).admitsNewcomers && slot.tryLease() ? slot : nil
    }

    private func existingSlot(_ index: Int) -> Slot {
        precondition(0..<capacity ~= index, "LockPool: there is no slot with this number.")
        return slot(index)
    }

    /// How the slots are used, each at its own instant. O(slots).
    var occupancy: Occupancy {
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

    /// How many slots are not vacant. O(groups of 64 slots).
    var occupied: Int {
        var vacant: UInt = 0
        for group in 0..<groups {
            let counts = TallyWord(bits: tally(group).load())
            vacant += counts.vacant + counts.retired
        }
        return max(0, capacity - Int(vacant))
    }

    /// How many callers wait: exactly, but for one for each thread that is putting a waiter in line or taking one out.
    var waiters: Int { max(0, Int(bitPattern: live.load())) }

    /// The states of the slots and the length of the line, after the pool's type; never an element.
    func description(of type: String) -> String {
        let now = occupancy
        return "\(type)(\(now.leased) leased, \(now.idle) idle, \(now.reserved) reserved, \(now.vacant) vacant, "
            + "\(waiters) waiting\(isClosed ? ", closed" : ""))"
    }
}
