// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// How slots and the queue meet. Two rules keep every wake-up:
//
// - A waiter gets in line first and examines every slot afterwards. Whoever returns a slot either finds it marked, or made
//   it idle before the waiter looked, and then the waiter takes it.
// - Whoever takes the mark off a slot looks at the queue again with the slot still in hand.
//
// Each is a store followed by a load of another word on both sides, so the exchanges and loads of slots and queue here are
// sequentially consistent; with less, both sides could miss each other.
//
// A waiter passes over a group of slots whose tally says that none is open. That tells the truth at one instant, after the waiter has got
// in line: a slot that opens later is opened by a thread that counts it first and looks at the queue afterwards.

extension Core {
    /// Serves or marks every slot that is open, on behalf of a waiter that has just got in line.
    ///
    /// - Complexity: O(groups of 64 slots), and O(1) for each slot of a group in which one is open: each slot that a waiter has marked
    ///   stays so until it is returned while nobody waits.
    func examineSlots() {
        var hasVacancy = false
        for group in 0..<groups {
            let counts = TallyWord(bits: tally(group).load())
            if counts.vacant > 0, !shape.callersCreate { hasVacancy = true }
            guard counts.open > 0 || shape.callersCreate && counts.vacant > 0 else { continue }
            for index in slots(in: group) { _ = examine(slot(index)) }
        }
        if hasVacancy { tellVacancy() }
    }

    private func tellVacancy() { shape.onVacancy(waiters) }

    /// Makes sure that whoever has the slot looks at the queue, or does so itself if nobody has it.
    ///
    /// - Returns: Whether the slot is vacant and has to be filled from outside.
    private func examine(_ slot: Slot) -> Bool {
        while true {
            let state = slot.state.load()
            switch state {
            case SlotWord.idle:
                if slot.state.swap(state, SlotWord.contended) {
                    tally(of: slot).decrease(by: TallyWord.open)
                    settle(slot)
                    return false
                }
            case SlotWord.leased, SlotWord.leased | SlotWord.retired:
                if slot.state.swap(state, SlotWord.contended | state & SlotWord.retired) {
                    tally(of: slot).decrease(by: TallyWord.open)
                    return false
                }
            case SlotWord.vacant where shape.callersCreate:
                if slot.state.swap(state, SlotWord.reserved) {
                    tally(of: slot).decrease(by: TallyWord.vacant)
                    vacate(slot)
                    return false
                }
            default:
                return state == SlotWord.vacant
            }
        }
    }

    /// Examines a slot that the caller has just let go of, if somebody waits.
    private func examineForWaiters(_ slot: Slot) {
        if !QueueWord(bits: queue.load()).isEmpty, examine(slot) { tellVacancy() }
    }

    /// Passes a slot with an element on: to the oldest waiter, else it goes idle; if it is retired or the pool is gone, the
    /// element is destroyed.
    ///
    /// The slot is leased or contended and in the caller's hand, and is not any more afterwards.
    func settle(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if state & (SlotWord.retired | SlotWord.orphaned) != 0 {
                shape.destroyElement(slot)
                return vacate(slot)
            }
            if state == SlotWord.contended {
                if let record = dequeue() { return wake(record, slot.index) }
                // Nobody waits: take the mark off, and look again. A waiter that is in line by now either sees the slot
                // without its mark, and marks it, or is seen here.
                if enter(slot, state, SlotWord.leased, counting: TallyWord.open),
                    !QueueWord(bits: queue.load()).isEmpty, slot.state.swap(SlotWord.leased, SlotWord.contended)
                {
                    tally(of: slot).decrease(by: TallyWord.open)
                }
            } else if slot.state.swapRelease(SlotWord.leased, SlotWord.idle) {
                return
            }
        }
    }

    /// Exchanges the state of a slot in hand for one that its group's tally counts: counted first.
    private func enter(_ slot: Slot, _ state: UInt, _ next: UInt, counting unit: UInt) -> Bool {
        tally(of: slot).increase(by: unit)
        if slot.state.swap(state, next) { return true }
        tally(of: slot).decrease(by: unit)
        return false
    }

    /// Takes a slot in hand, whose element is gone, into the phase *reserved*, and keeps those marks.
    private func reserve(_ slot: Slot, _ state: UInt, keeping marks: UInt) -> Bool {
        guard slot.state.swap(state, SlotWord.reserved | state & marks) else { return false }
        if state & SlotWord.phase == SlotWord.leased { tally(of: slot).decrease(by: TallyWord.open) }
        return true
    }

    /// Empties a slot for good: to the oldest waiter where callers create, else it goes vacant.
    ///
    /// The slot is in the caller's hand, its element is gone or was never there, and it is not in that hand afterwards.
    func vacate(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if state & SlotWord.orphaned != 0 { return letGo() }
            if state & SlotWord.phase != SlotWord.reserved {
                _ = reserve(slot, state, keeping: SlotWord.retired)
                continue
            }
            if shape.callersCreate, state & SlotWord.retired == 0, let record = dequeue() {
                return wake(record, slot.index)
            }
            // Unlike a slot that goes idle, a vacant one is looked after once it is out of hand. The pool may be dropped
            // in between: hence the hold.
            hold()
            let isRetired = state & SlotWord.retired != 0
            let unit = isRetired ? TallyWord.retired : TallyWord.vacant
            if enter(slot, state, SlotWord.vacant | state & SlotWord.retired, counting: unit) {
                examineForWaiters(slot)
                return letGo()
            }
            letGo()
        }
    }

    /// Publishes the element that the caller has put into a reserved slot, exactly like a returned one.
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
                return letGo()
            }
            letGo()
        }
    }

    /// Leases the reserved slot that the caller has put an element into, to that caller.
    func leaseReserved(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            // Contended, so that the return looks at the queue: somebody may have got in line while the element was made.
            if slot.state.swap(state, SlotWord.contended | state & ~SlotWord.phase) { return }
        }
    }

    /// Makes the leased slot in hand, whose element is gone, a reserved one.
    func reserveLeased(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            if reserve(slot, state, keeping: ~SlotWord.phase) { return }
        }
    }

    /// The first vacant slot, now reserved for the caller, or `nil`. O(groups of 64 slots).
    @usableFromInline
    func reserveVacantSlot() -> Slot? {
        for group in 0..<groups where TallyWord(bits: tally(group).loadAcquire()).vacant > 0 {
            for index in slots(in: group) {
                if let slot = reserveVacantSlot(index) { return slot }
            }
        }
        return nil
    }

    /// The slot with this number, now reserved for the caller, if it is vacant.
    @usableFromInline
    func reserveVacantSlot(_ index: Int) -> Slot? {
        let slot = self.slot(index)
        // Sequentially consistent, like the exchange: a caller that a waiter has told of a vacancy must see each slot that became vacant
        // before that waiter was in line, because the thread that emptied the slot found the queue empty.
        let isReserved = slot.state.load() == SlotWord.vacant && slot.state.swap(SlotWord.vacant, SlotWord.reserved)
        if !isReserved { return nil }
        tally(of: slot).decrease(by: TallyWord.vacant)
        return slot
    }

    /// Leaves `size` slots that are not retired, and adds slots if there are fewer. What goes first is what nobody misses: vacant slots, then idle ones; what comes
    /// back first is what has an element in use. O(slots).
    func resize(to size: Int) {
        if isClosed { return }
        addSlots(until: size)
        var surplus = -size
        for index in 0..<capacity where slot(index).state.load() & SlotWord.retired == 0 { surplus += 1 }
        restore(&surplus) { isGoing($0) }
        restore(&surplus) { _ in true }
        retire(&surplus) { $0 == SlotWord.vacant }
        retire(&surplus) { $0 == SlotWord.idle }
        retire(&surplus) { _ in true }
        // What is idle makes way for what is in use.
        for index in 0..<capacity where isGoing(slot(index)) {
            var one = 1
            retire(&one) { $0 == SlotWord.idle }
            if one == 1 { break }
            _ = restore(slot(index))
        }
        // A close that came in between has retired every slot, and this may have brought some back.
        if isClosed { for index in 0..<capacity { retire(slot(index)) } }
    }

    /// Whether a slot is retired and has not come back yet.
    private func isGoing(_ slot: Slot) -> Bool {
        let state = slot.state.load()
        return state & SlotWord.retired != 0 && state & SlotWord.phase >= SlotWord.leased
    }

    /// Retires as many slots as are too many, from the last on, of those in a phase that fits.
    private func retire(_ surplus: inout Int, where fits: (_ phase: UInt) -> Bool) {
        var index = capacity
        while surplus > 0, index > 0 {
            index -= 1
            if fits(slot(index).state.load() & SlotWord.phase), retire(slot(index)) { surplus -= 1 }
        }
    }

    /// Brings as many slots back as are too few, from the first on, of those that fit.
    private func restore(_ surplus: inout Int, where fits: (Slot) -> Bool) {
        var index = 0
        while surplus < 0, index < capacity {
            if fits(slot(index)), restore(slot(index)) { surplus += 1 }
            index += 1
        }
    }

    /// Retires a slot: now if it is idle or vacant, else when it comes back.
    ///
    /// - Returns: Whether it was not retired before.
    @discardableResult
    func retire(_ slot: Slot) -> Bool {
        while true {
            let state = slot.state.load()
            if state & SlotWord.retired != 0 { return false }
            if state == SlotWord.idle {
                if slot.state.swap(state, SlotWord.reserved | SlotWord.retired) {
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
            } else if slot.state.swap(state, state | SlotWord.retired) {
                return true
            }
        }
    }

    /// Brings a retired slot back.
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
            } else if slot.state.swap(state, state & ~SlotWord.retired) {
                examineForWaiters(slot)
                return true
            }
        }
    }
}
