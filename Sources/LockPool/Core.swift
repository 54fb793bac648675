// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A pool's block of memory, with everything that a pool consists of.
///
///     line 0    queue word: written by every waiter, so nothing that only is read shares its line
///     line 1    what never changes (`Shape`), two lines
///     line 3    head of the free list, count of holds on the block, number of live waiters
///     slots     each: state, where the block begins, index, element; no two on one line
///     records   a place per waiter, one line each
///     cells     the ring of the queue, one word each
///     tallies   a word for each 64 slots: how many of them a search has to look at
///
/// A `Core` is a reference to the block and nothing more. Within a block places are told by their distance from its
/// beginning, so that one that nobody uses can be moved.
///
/// A block on the heap lives until its last hold is let go of: the pool object has one; when that goes, every slot in
/// somebody's hand has one; and an operation that looks at the queue after it gave its slot up takes one for as long as it
/// looks. A block in memory of somebody else ends with its pool, which must have the only hold then. See
/// `Core+Lifetime.swift`.
@frozen
@usableFromInline
@safe
struct Core: @unchecked Sendable {
    /// What never changes after the block is made.
    @usableFromInline
    @safe
    struct Shape {
        /// The number of slots.
        @usableFromInline let count: Int
        /// Where the slots begin, in bytes from the beginning of the block; and so the cells and records.
        @usableFromInline let slots: Int
        /// Bytes from one slot to the next.
        @usableFromInline let stride: Int
        let records: Int
        let cells: Int
        /// The number of cells: a power of two, or none where nobody may wait.
        let ring: Int
        /// The number of records: how many may wait.
        let maximumWaiters: Int
        /// Whether a caller may be handed a vacant slot, to create the element itself.
        @usableFromInline let callersCreate: Bool
        /// Destroys the element of a slot, in place.
        let destroyElement: @Sendable (Slot) -> Void
        /// Called where callers do not create, when a slot is vacant while somebody waits.
        /// The argument is the number of live waiters.
        let onVacancy: @Sendable (_ waiters: Int) -> Void
        /// Frees the block after its last hold; `nil` where its memory is somebody else's.
        var free: Memory.Free?
    }

    /// Bytes of a cache line, or where words have 32 bits, of what need not be apart there but in order.
    @usableFromInline static var line: Int { @inlinable get { 8 * MemoryLayout<UInt>.stride } }

    @usableFromInline let base: UnsafeMutableRawPointer

    /// The block that begins at `base`.
    @inlinable
    init(base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

    @inlinable
    @inline(__always)
    var queue: Word { unsafe Word(at: base) }

    @inlinable
    @inline(__always)
    var shape: Shape {
        _read {
            unsafe Memory.willTouch(base)
            yield unsafe (base + Core.line).assumingMemoryBound(to: Shape.self).pointee
        }
    }

    var freeRecords: Word { unsafe Word(at: base + 3 * Core.line) }
    var holds: Word { unsafe Word(at: base + 3 * Core.line + MemoryLayout<UInt>.stride) }
    /// The number of live waiters. It grows after a waiter has got in line and before that examines the slots, and shrinks after the waiter
    /// is out and before it is woken: which may come first, so that the number is below zero for a moment.
    var live: Word { unsafe Word(at: base + 3 * Core.line + 2 * MemoryLayout<UInt>.stride) }

    /// The tally of a group of slots.
    func tally(_ group: Int) -> Word { unsafe Word(at: base + shape.tallies + group * MemoryLayout<UInt>.stride) }
    func tally(of slot: Slot) -> Word { tally(slot.index / TallyWord.group) }

    /// The numbers of the slots in a group.
    func slots(in group: Int) -> Range<Int> {
        group * TallyWord.group..<min((group + 1) * TallyWord.group, shape.count)
    }

    @inlinable
    @inline(__always)
    func slot(_ index: Int) -> Slot { unsafe Slot(address: base + shape.slots + index * shape.stride) }

    func cell(_ ticket: Ticket) -> Word {
        let index = Int(ticket.number & UInt(shape.ring - 1))
        return unsafe Word(at: base + shape.cells + index * MemoryLayout<UInt>.stride)
    }

    func record(_ index: Int) -> Record { unsafe Record(address: base + shape.records + index * Record.stride) }
}

extension Core.Shape {
    /// Where things are in a block for so many slots and waiters.
    ///
    /// With two cells for each waiter a newcomer leaves out at most every other ticket, because an older waiter is in its cell. The
    /// interleaving checker takes fewer.
    @usableFromInline
    init(
        count: Int,
        maximumWaiters: Int,
        callersCreate: Bool,
        cellsPerWaiter: Int = 2,
        slotStride: Int,
        slotAlignment: Int,
        destroyElement: @escaping @Sendable (Slot) -> Void,
        onVacancy: @escaping @Sendable (_ waiters: Int) -> Void
    ) {
        precondition(count > 0, "A pool needs at least one slot.")
        precondition(
            0...WordWidth.maximumWaiters ~= maximumWaiters,
            "A pool can have from 0 to \(WordWidth.maximumWaiters) waiters."
        )
        var ring = maximumWaiters > 0 ? 2 : 0
        while ring < cellsPerWaiter * maximumWaiters { ring *= 2 }
        slots = (4 * Core.line + slotAlignment - 1) / slotAlignment * slotAlignment
        records = slots + count * slotStride
        cells = records + maximumWaiters * Record.stride
        stride = slotStride
        self.ring = ring
        self.count = count
        self.maximumWaiters = maximumWaiters
        self.callersCreate = callersCreate
        self.destroyElement = destroyElement
        self.onVacancy = onVacancy
        unsafe free = nil
    }

    /// The size of the block.
    var byteCount: Int { tallies + groups * MemoryLayout<UInt>.stride }

    /// Where the tallies begin.
    var tallies: Int { cells + ring * MemoryLayout<UInt>.stride }

    /// The number of groups of slots that have a tally each.
    var groups: Int { (count + TallyWord.group - 1) / TallyWord.group }
}

extension Core {
    /// Makes a block on the heap, which its last hold frees.
    ///
    /// - Parameter alignment: What the slots are aligned to.
    /// - Complexity: O(slots + maximum waiters); one allocation.
    @usableFromInline
    init(allocating shape: Shape, alignment: Int) {
        var shape = shape
        unsafe shape.free = { block in unsafe Memory.free(block) }
        let block = unsafe Memory.allocate(byteCount: shape.byteCount, alignment: max(Core.line, alignment))
        unsafe self.init(shape, in: block, byteCount: shape.byteCount)
    }

    /// Makes a block in the memory at `block`, which is aligned as words and slots are. Its slots are vacant, its queue is
    /// empty, and all its records are free.
    ///
    /// - Complexity: O(slots + maximum waiters). Allocates nothing.
    @usableFromInline
    init(_ shape: Shape, in block: UnsafeMutableRawPointer, byteCount: Int) {
        precondition(
            shape.byteCount <= byteCount && MemoryLayout<Shape>.size <= 2 * Core.line,
            "LockPool: the memory is too small for the pool."
        )
        unsafe self.init(base: block)
        unsafe (base + Core.line).initializeMemory(as: Shape.self, to: shape)
        queue.initialize(to: QueueWord(tail: Ticket(0), length: 0, isClosed: false).bits)
        holds.initialize(to: 1)
        live.initialize(to: 0)
        freeRecords.initialize(to: FreeListWord(first: shape.maximumWaiters > 0 ? 0 : nil, count: 0).bits)
        for index in 0..<shape.count { slot(index).initialize(core: self, index: index) }
        for group in 0..<shape.groups {
            tally(group).initialize(to: UInt(slots(in: group).count) * TallyWord.vacant)
        }
        for number in 0..<shape.ring {
            let ticket = Ticket(UInt(number))
            cell(ticket).initialize(to: CellWord(ticket, .empty).bits)
        }
        for index in 0..<shape.maximumWaiters {
            record(index).initialize(nextFree: index + 1 < shape.maximumWaiters ? index + 1 : nil)
        }
    }
}
