// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Core {
    /// Leases an idle slot if no caller waits: the slot that this thread returned last, or else
    /// the first.
    @inlinable
    @inline(__always)
    func leaseIdleSlot(stride: Int) -> Slot? {
        // The queue comes first, or else this caller would overtake waiters. Acquire: the slots
        // are read afterwards.
        guard QueueWord(bits: queue.loadAcquire()).admitsNewcomers else { return nil }
        let hint = ThreadHint.slot
        let slots = unsafe base + shape.slots
        if hint < shape.count {
            let slot = unsafe Slot(address: slots + hint * stride)
            if slot.tryLease() { return slot }
        }
        return searchIdleSlot(hint: hint)
    }

    /// Leases the first idle slot. Skips groups without an open slot.
    ///
    /// - Parameter hint: The slot that this thread returned last. The caller has tested it unless
    ///   `resize(to:)` has added it.
    @usableFromInline
    @inline(never)
    func searchIdleSlot(hint: Int) -> Slot? {
        if Core.grows, hint >= shape.count, hint < capacity, slot(hint).tryLease() { return slot(hint) }
        let (stride, tallies) = (shape.stride, unsafe base + shape.tallies)
        var address = unsafe base + shape.slots
        var rest = shape.count
        var offset = 0
        while rest > 0 {
            let count = min(rest, TallyWord.group)
            if unsafe TallyWord(bits: Word(at: tallies + offset).loadRelaxed()).open > 0,
                let slot = unsafe searchIdleSlot(among: count, from: address, stride: stride)
            {
                return slot
            }
            unsafe address += TallyWord.group &* stride
            offset &+= MemoryLayout<UInt>.stride
            rest &-= count
        }
        return Core.grows ? searchAddedSlots() : nil
    }

    /// Leases the first idle slot of those that `resize(to:)` has added.
    @inline(never)
    private func searchAddedSlots() -> Slot? {
        let capacity = capacity
        if capacity == shape.count { return nil }
        for group in shape.groups..<groups(of: capacity) {
            if TallyWord(bits: tally(group).loadRelaxed()).open == 0 { continue }
            let slots = slots(in: group)
            let first = slot(slots.lowerBound)
            if let slot = unsafe searchIdleSlot(among: slots.count, from: first.address, stride: shape.stride) {
                return slot
            }
        }
        return nil
    }

    /// Leases the first idle slot of `count` adjacent ones. Tests four with one branch, because
    /// most slots are leased.
    @inline(__always)
    private func searchIdleSlot(among count: Int, from first: UnsafeMutableRawPointer, stride: Int) -> Slot? {
        var address = unsafe first
        var rest = count
        while rest >= 4 {
            let states = (
                unsafe Word(at: address).loadRelaxed(), unsafe Word(at: address + stride).loadRelaxed(),
                unsafe Word(at: address + 2 &* stride).loadRelaxed(),
                unsafe Word(at: address + 3 &* stride).loadRelaxed()
            )
            // Zero if one of the four is idle. The factors are too small to overflow.
            let distances = (
                states.0 ^ SlotWord.idle, states.1 ^ SlotWord.idle, states.2 ^ SlotWord.idle, states.3 ^ SlotWord.idle
            )
            if (distances.0 &* distances.1) &* (distances.2 &* distances.3) == 0,
                let slot = unsafe leaseIdleSlot(among: 4, from: address, stride: stride)
            {
                return slot
            }
            unsafe address += 4 &* stride
            rest &-= 4
        }
        return unsafe leaseIdleSlot(among: rest, from: address, stride: stride)
    }

    @inline(__always)
    private func leaseIdleSlot(among count: Int, from address: UnsafeMutableRawPointer, stride: Int) -> Slot? {
        for index in 0..<count {
            let slot = unsafe Slot(address: address + index * stride)
            if slot.tryLease() { return slot }
        }
        return nil
    }

    /// Leases an idle slot for a caller that cannot wait and found tickets in line. All their
    /// waiters may have left.
    @usableFromInline
    @inline(never)
    func leaseIdleSlotBehindCancelled() -> Slot? {
        let word = QueueWord(bits: queue.load())
        if word.isEmpty || word.isClosed { return nil }
        trim()
        return leaseIdleSlot(stride: shape.stride)
    }

    /// Reserves a vacant slot for a caller that creates its own element, if no caller waits.
    func reserveForNewcomer() -> Slot? {
        QueueWord(bits: queue.loadAcquire()).admitsNewcomers ? reserveVacantSlot() : nil
    }

    func isReserved(_ slot: Slot) -> Bool {
        slot.state.loadRelaxed() & SlotWord.phase == SlotWord.reserved
    }
}
