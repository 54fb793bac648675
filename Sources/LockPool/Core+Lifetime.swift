// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// How a pool ends. Closing is an operation like others: nobody gets in line any more, who waits is told, and every slot
// is retired. Dropping is the end of the pool object, with guards still out: what is idle is destroyed at once, and the rest
// by whoever has it in hand. Nobody waits then, because waiting callers hold the pool object.

extension Core {
    /// Refuses newcomers, fails everyone who waits, and retires every slot.
    @usableFromInline
    func close() {
        guard closeQueue() else { return }
        while let record = dequeue() { wake(record, Wakeup.closed) }
        for index in 0..<shape.count { retire(slot(index)) }
    }

    /// Ends the pool object's hold on the block. No operation on the pool object is under way, or can come.
    @usableFromInline
    func drop() {
        if closeQueue() {
            while let record = dequeue() { wake(record, Wakeup.closed) }
        }
        // One hold per slot, and then back for those that are in nobody's hand.
        _ = holds.add(UInt(shape.count))
        for index in 0..<shape.count { orphan(slot(index)) }
        letGo()
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

    /// Ends a hold; the last one frees the block.
    func letGo() {
        guard holds.subtractOne() == 1 else { return }
        unsafe (base + Core.line).assumingMemoryBound(to: Shape.self).deinitialize(count: 1)
        unsafe Memory.free(base)
    }
}
