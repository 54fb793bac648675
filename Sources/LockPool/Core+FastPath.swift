// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Core {
    /// Leases an idle slot, unless somebody waits: the slot that this thread returned last, else the first.
    @inlinable
    @inline(__always)
    func leaseIdleSlot(stride: Int) -> Slot? {
        // The queue first, or this would be barging. Acquire: the slots are looked at afterwards.
        guard QueueWord(bits: queue.loadAcquire()).admitsNewcomers else { return nil }
        let hint = ThreadHint.slot
        let slots = unsafe shape.slots
        if hint < shape.count {
            let slot = unsafe Slot(address: slots + hint * stride)
            if slot.tryLease() { return slot }
        }
        return searchIdleSlot()
    }

    @usableFromInline
    @inline(never)
    func searchIdleSlot() -> Slot? {
        let stride = shape.stride
        var address = unsafe shape.slots
        let end = unsafe address + shape.count * stride
        while unsafe address < end {
            let slot = unsafe Slot(address: address)
            if slot.tryLease() { return slot }
            unsafe address += stride
        }
        return nil
    }

    /// As `leaseIdleSlot`, for a caller that cannot wait and found somebody in line: perhaps they are all cancelled.
    @usableFromInline
    @inline(never)
    func leaseIdleSlotBehindCancelled() -> Slot? {
        let word = QueueWord(bits: queue.load())
        if word.isEmpty || word.isClosed { return nil }
        trim()
        return leaseIdleSlot(stride: shape.stride)
    }

    /// A vacant slot for a caller that has just come and creates itself, unless somebody waits.
    func reserveForNewcomer() -> Slot? {
        QueueWord(bits: queue.loadAcquire()).admitsNewcomers ? reserveVacantSlot() : nil
    }

    func isReserved(_ slot: Slot) -> Bool {
        slot.state.loadRelaxed() & SlotWord.phase == SlotWord.reserved
    }
}
