// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The interaction of slots and the queue. Two rules prevent lost wake-ups:
//
// - A waiter gets in line first and examines every slot afterwards. A thread that returns a slot
//   either finds the slot marked, or made it idle before the waiter examined it, and then the
//   waiter takes it.
// - A thread that clears a slot's mark loads the queue again while it still holds the slot.
//
// Both sides make a store followed by a load of another word. The exchanges and loads of slots
// and queue are therefore sequentially consistent: with weaker orderings, both sides could miss
// each other.
//
// A waiter skips a group of slots whose tally counts no open slot. The tally is correct at one
// instant after the waiter has got in line: a thread that opens a slot later counts it first and
// loads the queue afterwards.

extension Core {
    /// Serves or marks every open slot on behalf of a waiter that has just got in line.
    ///
    /// - Complexity: O(groups of 64 slots), and O(1) for each slot of a group with an open one. A
    ///   slot that a waiter has marked keeps the mark until it is returned while no caller waits.
    func examineSlots() {
        var hasVacancy = false
        // Sequentially consistent: the thread that adds slots loads the queue afterwards.
        let count = Core.grows ? Int(slotCount.load()) : shape.count
        for group in 0..<groups(of: count) {
            let counts = TallyWord(bits: tally(group).load())
            if counts.vacant > 0, !shape.callersCreate { hasVacancy = true }
            guard counts.open > 0 || shape.callersCreate && counts.vacant > 0 else { continue }
            for index in slots(in: group) { _ = examine(slot(index)) }
        }
        if hasVacancy { reportVacancy() }
    }

    private func reportVacancy() { shape.onVacancy(waiters) }

    /// Ensures that the slot's holder loads the queue, or does so itself if the slot has no
    /// holder.
    ///
    /// - Returns: Whether the slot is vacant and has to be filled from outside.
    private func examine(_ slot: Slot) -> Bool {
        while true {
            let state = slot.state.load()
            switch state {
            case SlotWord.idle:
                if slot.state.compareExchange(state, SlotWord.contended) {
                    tally(of: slot).decrease(by: TallyWord.open)
                    settle(slot)
                    return false
                }
            case SlotWord.leased, SlotWord.leased | SlotWord.retired:
                if slot.state.compareExchange(state, SlotWord.contended | state & SlotWord.retired) {
                    tally(of: slot).decrease(by: TallyWord.open)
                    return false
                }
            case SlotWord.vacant where shape.callersCreate:
                if slot.state.compareExchange(state, SlotWord.reserved) {
                    tally(of: slot).decrease(by: TallyWord.vacant)
                    vacate(slot)
                    return false
                }
            default:
                return state == SlotWord.vacant
            }
        }
    }

    /// Examines a slot that the caller has just released, if a caller waits.
    private func examineForWaiters(_ slot: Slot) {
        if !QueueWord(bits: queue.load()).isEmpty, examine(slot) { reportVacancy() }
    }

    /// Passes on a slot with an element: to the oldest waiter if there is one. Otherwise the slot
    /// becomes idle. If the slot is retired or the pool is gone, destroys the element.
    ///
    /// The caller holds the slot, leased or contended, and does not hold it afterwards.
    func settle(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if state & (SlotWord.retired | SlotWord.orphaned) != 0 {
                shape.destroyElement(slot)
                return vacate(slot)
            }
            if state == SlotWord.contended {
                if let record = dequeue() { return wake(record, slot.index) }
                // No caller waits: clear the mark and load the queue again. A waiter that is in
                // line by then either sees the slot without its mark and marks it, or is seen
                // here.
                if enter(slot, state, SlotWord.leased, counting: TallyWord.open),
                    !QueueWord(bits: queue.load()).isEmpty,
                    slot.state.compareExchange(SlotWord.leased, SlotWord.contended)
                {
                    tally(of: slot).decrease(by: TallyWord.open)
                }
            } else if slot.state.compareExchangeRelease(SlotWord.leased, SlotWord.idle) {
                return
            }
        }
    }

    /// Exchanges the state of a held slot for one that its group's tally counts. The tally is
    /// incremented first.
    private func enter(_ slot: Slot, _ state: UInt, _ next: UInt, counting unit: UInt) -> Bool {
        tally(of: slot).increase(by: unit)
        if slot.state.compareExchange(state, next) { return true }
        tally(of: slot).decrease(by: unit)
        return false
    }

    /// Changes a held slot without an element to the phase *reserved*, and keeps these marks.
    private func reserve(_ slot: Slot, _ state: UInt, keeping marks: UInt) -> Bool {
        guard slot.state.compareExchange(state, SlotWord.reserved | state & marks) else { return false }
        if state & SlotWord.phase == SlotWord.leased { tally(of: slot).decrease(by: TallyWord.open) }
        return true
    }

    /// Passes on a slot without an element: to the oldest waiter if callers create. Otherwise the
    /// slot becomes vacant.
    ///
    /// The caller holds the slot, whose element is gone or never existed, and does not hold it
    /// afterwards.
    func vacate(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if state & SlotWord.orphaned != 0 { return releaseHold() }
            if state & SlotWord.phase != SlotWord.reserved {
                _ = reserve(slot, state, keeping: SlotWord.retired)
                continue
            }
            if shape.callersCreate, state & SlotWord.retired == 0, let record = dequeue() {
                return wake(record, slot.index)
            }
            // Unlike a slot that becomes idle, a vacant one is examined after its release. The
            // pool may be dropped in between, so this takes a hold.
            hold()
            let isRetired = state & SlotWord.retired != 0
            let unit = isRetired ? TallyWord.retired : TallyWord.vacant
            if enter(slot, state, SlotWord.vacant | state & SlotWord.retired, counting: unit) {
                examineForWaiters(slot)
                return releaseHold()
            }
            releaseHold()
        }
    }

    /// Publishes the element that the caller has put into a reserved slot, as if it were
    /// returned.
    func fulfill(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if state != SlotWord.reserved {  // retired, or the pool is gone
                shape.destroyElement(slot)
                return vacate(slot)
            }
            hold()
            if enter(slot, state, SlotWord.idle, counting: TallyWord.open) {
                examineForWaiters(slot)
                return releaseHold()
            }
            releaseHold()
        }
    }

    /// Leases the reserved slot, which the caller has filled, to the caller.
    func leaseReserved(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            // Contended, so that the return loads the queue: a caller may have got in line while
            // the element was made.
            if slot.state.compareExchange(state, SlotWord.contended | state & ~SlotWord.phase) { return }
        }
    }

    /// Changes a held, leased slot without an element to a reserved one.
    func reserveLeased(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if reserve(slot, state, keeping: ~SlotWord.phase) { return }
        }
    }

    /// Reserves the first vacant slot for the caller; `nil` if there is none. O(groups of 64
    /// slots).
    @usableFromInline
    func reserveVacantSlot() -> Slot? {
        for group in 0..<groups where TallyWord(bits: tally(group).loadAcquire()).vacant > 0 {
            for index in slots(in: group) {
                if let slot = reserveVacantSlot(index) { return slot }
            }
        }
        return nil
    }

    /// Reserves the slot with this index for the caller; `nil` if it is not vacant.
    @usableFromInline
    func reserveVacantSlot(_ index: Int) -> Slot? {
        let slot = self.slot(index)
        // Sequentially consistent, like the exchange. A caller that a waiter has informed of a
        // vacancy must see each slot that became vacant before that waiter got in line, because
        // the thread that emptied the slot found the queue empty.
        let isReserved =
            slot.state.load() == SlotWord.vacant && slot.state.compareExchange(SlotWord.vacant, SlotWord.reserved)
        if !isReserved { return nil }
        tally(of: slot).decrease(by: TallyWord.vacant)
        return slot
    }

    /// Leaves `size` slots that are not retired, and adds slots if there are fewer.
    ///
    /// Retires vacant slots first, then idle ones, then leased ones. Restores leased slots first.
    /// O(slots).
    func resize(to size: Int) {
        if isClosed { return }
        addSlots(until: size)
        targetSize.storeRelaxed(UInt(size))
        var surplus = -size
        for index in 0..<capacity where slot(index).state.load() & SlotWord.retired == 0 { surplus += 1 }
        restore(&surplus) { isGoing($0) }
        restore(&surplus) { _ in true }
        retire(&surplus) { $0 == SlotWord.vacant }
        retire(&surplus) { $0 == SlotWord.idle }
        retire(&surplus) { _ in true }
        // Idle slots are retired in place of leased ones: the last idle slot for the first leased
        // one, and so on.
        var candidate = capacity
        for index in 0..<capacity where isGoing(slot(index)) {
            var isReplaced = false
            while !isReplaced, candidate > 0 {
                candidate -= 1
                let idle = slot(candidate)
                isReplaced = idle.state.load() == SlotWord.idle && retire(idle)
            }
            if !isReplaced { break }
            _ = restore(slot(index))
        }
        // A concurrent close has retired every slot, and this function may have restored some.
        if isClosed { for index in 0..<capacity { retire(slot(index)) } }
    }

    /// Whether a retired slot is still leased. O(slots).
    var hasGoingSlots: Bool { (0..<capacity).contains { isGoing(slot($0)) } }

    /// Whether a slot is retired and still leased.
    private func isGoing(_ slot: Slot) -> Bool {
        let state = slot.state.load()
        return state & SlotWord.retired != 0 && state & SlotWord.phase >= SlotWord.leased
    }

    /// Retires up to `surplus` slots in a matching phase, from the last.
    private func retire(_ surplus: inout Int, where fits: (_ phase: UInt) -> Bool) {
        var index = capacity
        while surplus > 0, index > 0 {
            index -= 1
            if fits(slot(index).state.load() & SlotWord.phase), retire(slot(index)) { surplus -= 1 }
        }
    }

    /// Restores up to `-surplus` matching slots, from the first.
    private func restore(_ surplus: inout Int, where fits: (Slot) -> Bool) {
        var index = 0
        while surplus < 0, index < capacity {
            if fits(slot(index)), restore(slot(index)) { surplus += 1 }
            index += 1
        }
    }

    /// Retires a slot: now if it is idle or vacant, otherwise on its return.
    ///
    /// - Returns: Whether it was not retired before.
    @discardableResult
    func retire(_ slot: Slot) -> Bool {
        while true {
            let state = slot.state.load()
            if state & SlotWord.retired != 0 { return false }
            if state == SlotWord.idle {
                if slot.state.compareExchange(state, SlotWord.reserved | SlotWord.retired) {
                    tally(of: slot).decrease(by: TallyWord.open)
                    shape.destroyElement(slot)
                    vacate(slot)
                    return true
                }
            } else if state == SlotWord.vacant {
                if enter(slot, state, state | SlotWord.retired, counting: TallyWord.retired) {
                    tally(of: slot).decrease(by: TallyWord.vacant)
                    return true
                }
            } else if slot.state.compareExchange(state, state | SlotWord.retired) {
                return true
            }
        }
    }

    /// Restores a retired slot.
    ///
    /// - Returns: Whether it was retired.
    private func restore(_ slot: Slot) -> Bool {
        while true {
            let state = slot.state.load()
            if state & SlotWord.retired == 0 { return false }
            if state == SlotWord.vacant | SlotWord.retired {
                if enter(slot, state, SlotWord.vacant, counting: TallyWord.vacant) {
                    tally(of: slot).decrease(by: TallyWord.retired)
                    examineForWaiters(slot)
                    return true
                }
            } else if slot.state.compareExchange(state, state & ~SlotWord.retired) {
                examineForWaiters(slot)
                return true
            }
        }
    }
}
