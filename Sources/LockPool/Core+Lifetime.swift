// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The end of a pool. Closing is an ordinary operation: the queue accepts no further waiter, every
// waiter is woken, and every slot is retired. Dropping is the end of the pool object while guards
// may still be held: idle elements are destroyed at once, the others by their holders. No caller
// waits at that point, because waiting callers retain the pool object. If the block's memory ends
// with the pool, no slot may be held.

extension Core {
    /// Refuses new callers, fails all waiters, and retires every slot.
    @usableFromInline
    func close() {
        guard closeQueue() else { return }
        while let record = dequeue() { wake(record, Wakeup.closed) }
        // Sequentially consistent: a thread that adds slots and then finds the queue open has
        // added them before this load.
        for index in 0..<(Core.grows ? Int(slotCount.load()) : shape.count) { retire(slot(index)) }
    }

    /// Releases the pool object's hold on the block. No operation on the pool object is running
    /// or can follow.
    ///
    /// Traps if the memory belongs to the pool's owner and a slot is still held: its holder would
    /// write to that memory later.
    @usableFromInline
    func drop() {
        if closeQueue() {
            while let record = dequeue() { wake(record, Wakeup.closed) }
        }
        // Read this before the last hold may end, and the block with it.
        let outlivesPool = shape.heap != nil
        // Adds one hold for each slot, and then releases those of slots that are not held.
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
                if slot.state.compareExchange(state, SlotWord.reserved) {
                    shape.destroyElement(slot)
                    return releaseHold()
                }
            case SlotWord.vacant:
                return releaseHold()
            default:
                if slot.state.compareExchange(state, state | SlotWord.orphaned) { return }
            }
        }
    }

    /// Keeps the block alive until `releaseHold()`.
    ///
    /// The caller must know that the block is alive: it has the pool object, a slot, or another
    /// hold. Relaxed ordering suffices for that reason.
    func hold() {
        _ = holds.add(1)
    }

    /// Releases a hold. The last release frees the block.
    func releaseHold() { _ = endHold() }

    /// - Returns: Whether it was the last hold.
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
