// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// How a pool ends. Closing is an operation like others: nobody gets in line any more, who waits is told, and every slot
// is retired. Dropping is the end of the pool object, with guards still out: what is idle is destroyed at once, and the rest
// by whoever has it in hand. Nobody waits then, because waiting callers hold the pool object. Where the block's memory ends
// with the pool, nothing may be in anybody's hand.

extension Core {
    /// Refuses newcomers, fails everyone who waits, and retires every slot.
    @usableFromInline
    func close() {
        guard closeQueue() else { return }
        while let record = dequeue() { wake(record, Wakeup.closed) }
        // Sequentially consistent: a thread that has added slots and then found the queue open has added them before this.
        for index in 0..<(Core.grows ? Int(slotCount.load()) : shape.count) { retire(slot(index)) }
    }

    /// Ends the pool object's hold on the block. No operation on the pool object is under way, or can come.
    ///
    /// Traps if the memory is not the block's own and somebody has another hold: a holder of a slot would write to it later.
    @usableFromInline
    func drop() {
        if closeQueue() {
            while let record = dequeue() { wake(record, Wakeup.closed) }
        }
        // Before the last hold may go, and the block with it.
        let outlivesPool = shape.heap != nil
        // One hold per slot, and then back for those that are in nobody's hand.
        _ = holds.add(UInt(capacity))
        for index in 0..<capacity { orphan(slot(index)) }
        if !endHold(), !outlivesPool {
            fatalError("LockPool: a fixed pool has ended, and its memory with it, while one of its slots was in use.")
        }
    }

    private func orphan(_ slot: Slot) {
        while true {
            let state = slot.state.load()
            switch state & SlotWord.phase {
            case SlotWord.idle:
                if slot.state.swap(state, SlotWord.reserved) {
                    shape.destroyElement(slot)
                    return letGo()
                }
            case SlotWord.vacant:
                return letGo()
            default:
                if slot.state.swap(state, state | SlotWord.orphaned) { return }
            }
        }
    }

    /// Keeps the block alive until `letGo()`. Only for whoever knows that it is alive: through the pool object, a slot in
    /// hand, or another hold. Relaxed suffices for that reason.
    func hold() {
        _ = holds.add(1)
    }

    /// Ends a hold; the last one ends the block.
    func letGo() { _ = endHold() }

    /// - Returns: Whether it was the last.
    private func endHold() -> Bool {
        guard holds.subtractOne() == 1 else { return false }
        freeChunks()
        freeSegments()
        let heap = shape.heap
        unsafe (base + Core.line).assumingMemoryBound(to: Shape.self).deinitialize(count: 1)
        unsafe heap?.free(base)
        return true
    }
}
