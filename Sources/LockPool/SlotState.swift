// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The state of a slot of a pool.
public enum SlotState: Hashable, Sendable {
    /// Without an element.
    case vacant
    /// Being filled or emptied.
    case reserved
    /// With an element that is not in use.
    case idle
    /// With an element that is in use.
    case leased
}

/// The numbers of a pool's slots by state.
public struct Occupancy: Hashable, Sendable {
    /// The number of slots without an element, those included that `resize(to:)` has put out of use.
    public internal(set) var vacant = 0

    /// The number of slots that are being filled or emptied.
    public internal(set) var reserved = 0

    /// The number of slots whose element is not in use.
    public internal(set) var idle = 0

    /// The number of slots whose element is in use.
    public internal(set) var leased = 0

    /// The number of slots that are not vacant.
    package var occupied: Int { leased + idle + reserved }
}

extension Core {
    /// Returns the state of the slot with this index. O(1); one load.
    func peek(_ index: Int) -> SlotState {
        switch existingSlot(index).state.loadRelaxed() & SlotWord.phase {
        case SlotWord.vacant: .vacant
        case SlotWord.reserved: .reserved
        case SlotWord.idle: .idle
        default: .leased
        }
    }

    /// Leases the slot with this index if it is idle and no caller waits. O(1).
    func leaseIfIdle(_ index: Int) -> Slot? {
        let slot = existingSlot(index)
        return QueueWord(bits: queue.loadAcquire()).admitsNewcomers && slot.tryLease() ? slot : nil
    }

    private func existingSlot(_ index: Int) -> Slot {
        precondition(0..<capacity ~= index, "LockPool: there is no slot with this number.")
        return slot(index)
    }

    /// The current use of the slots, each read at an instant of its own. O(slots).
    var occupancy: Occupancy {
        var occupancy = Occupancy()
        for group in 0..<groups {
            let slots = slots(in: group)
            // A pool that was larger once has groups that are not in use.
            if TallyWord(bits: tally(group).load()).retired == slots.count {
                occupancy.vacant += slots.count
                continue
            }
            for index in slots {
                switch peek(index) {
                case .vacant: occupancy.vacant += 1
                case .reserved: occupancy.reserved += 1
                case .idle: occupancy.idle += 1
                case .leased: occupancy.leased += 1
                }
            }
        }
        return occupancy
    }

    /// The number of slots that are not vacant. O(groups of 64 slots).
    var occupied: Int {
        // One number for both: slots may be added in between.
        let capacity = capacity
        var vacant: UInt = 0
        for group in 0..<groups(of: capacity) {
            let counts = TallyWord(bits: tally(group).load())
            vacant += counts.vacant + counts.retired
        }
        return max(0, capacity - Int(vacant))
    }

    /// The number of waiters. May differ by one for each thread that is putting a waiter in line
    /// or taking one out.
    var waiters: Int { max(0, Int(bitPattern: live.load())) }

    /// The type of the pool, the numbers of slots by state, and the number of waiters. Never
    /// shows an element.
    func description(of type: String) -> String {
        let now = occupancy
        return "\(type)(\(now.leased) leased, \(now.idle) idle, \(now.reserved) reserved, \(now.vacant) vacant, "
            + "\(waiters) waiting\(isClosed ? ", closed" : ""))"
    }
}
