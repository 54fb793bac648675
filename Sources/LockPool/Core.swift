// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A pool's block of memory: one allocation with everything that a pool consists of.
///
///     line 0    queue word: written by every waiter, so nothing that only is read shares its line
///     line 1    what never changes (`Shape`), two lines
///     line 3    head of the free list, count of holds on the block
///     slots     one or more lines each: state, the block, index, element
///     cells     the ring of the queue, one word each
///     records   a place per waiter, one line each
///
/// A `Core` is a reference to the block and nothing more. The block lives until its last hold is let go of: the pool
/// object has one; when that goes, every slot in somebody's hand has one; and an operation that looks at the queue after it
/// gave its slot up takes one for as long as it looks. See `Core+Lifetime.swift`.
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
        @usableFromInline let slots: UnsafeMutableRawPointer
        /// Bytes from one slot to the next.
        @usableFromInline let stride: Int
        let cells: UnsafeMutableRawPointer
        let records: UnsafeMutableRawPointer
        /// The number of cells: a power of two.
        let ring: Int
        /// The number of records: how many may wait.
        let maximumWaiters: Int
        /// Whether a caller may be handed a vacant slot, to create the element itself.
        @usableFromInline let callersCreate: Bool
        /// Destroys the element of a slot, in place.
        let destroyElement: @Sendable (Slot) -> Void
        /// Called where callers do not create, when a slot is vacant while somebody waits.
        let onVacancy: @Sendable () -> Void
    }

    @usableFromInline static var line: Int { @inlinable get { 64 } }

    @usableFromInline let base: UnsafeMutableRawPointer

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

    @inlinable
    @inline(__always)
    func slot(_ index: Int) -> Slot { unsafe Slot(address: shape.slots + index * shape.stride) }

    func cell(_ ticket: Ticket) -> Word {
        let index = Int(ticket.number & UInt(shape.ring - 1))
        return unsafe Word(at: shape.cells + index * MemoryLayout<UInt>.stride)
    }

    func record(_ index: Int) -> Record { unsafe Record(address: shape.records + index * Record.stride) }
}

extension Core {
    /// Makes a block with vacant slots, an empty queue, and all records free.
    ///
    /// Cancelled tickets behind an older live waiter keep their cells until the head passes them: hence four for each
    /// waiter. The interleaving checker takes fewer, to see a ring that is full.
    ///
    /// - Complexity: O(`count` + `maximumWaiters`); one allocation.
    @usableFromInline
    init(
        count: Int,
        maximumWaiters: Int,
        callersCreate: Bool,
        cellsPerWaiter: Int = 4,
        slotStride: Int,
        slotAlignment: Int,
        destroyElement: @escaping @Sendable (Slot) -> Void,
        onVacancy: @escaping @Sendable () -> Void
    ) {
        precondition(count > 0, "A pool needs at least one slot.")
        precondition(
            0...WordWidth.maximumWaiters ~= maximumWaiters,
            "A pool can have from 0 to \(WordWidth.maximumWaiters) waiters."
        )
        var ring = 2
        while ring < cellsPerWaiter * maximumWaiters { ring *= 2 }
        let alignment = max(Core.line, slotAlignment)
        let slotsOffset = (4 * Core.line + alignment - 1) / alignment * alignment
        let cellsOffset = slotsOffset + count * slotStride
        let recordsOffset =
            (cellsOffset + ring * MemoryLayout<UInt>.stride + Record.stride - 1) / Record.stride * Record.stride
        unsafe self.init(
            base: Memory.allocate(byteCount: recordsOffset + maximumWaiters * Record.stride, alignment: alignment)
        )
        unsafe (base + Core.line).initializeMemory(
            as: Shape.self,
            to: Shape(
                count: count,
                slots: base + slotsOffset,
                stride: slotStride,
                cells: base + cellsOffset,
                records: base + recordsOffset,
                ring: ring,
                maximumWaiters: maximumWaiters,
                callersCreate: callersCreate,
                destroyElement: destroyElement,
                onVacancy: onVacancy
            )
        )
        queue.initialize(to: QueueWord(tail: Ticket(0), length: 0, isClosed: false).bits)
        holds.initialize(to: 1)
        freeRecords.initialize(to: FreeListWord(first: maximumWaiters > 0 ? 0 : nil, count: 0).bits)
        for index in 0..<count { slot(index).initialize(core: self, index: index) }
        for number in 0..<ring {
            let ticket = Ticket(UInt(number))
            cell(ticket).initialize(to: CellWord(ticket, .empty).bits)
        }
        for index in 0..<maximumWaiters {
            record(index).initialize(nextFree: index + 1 < maximumWaiters ? index + 1 : nil)
        }
    }
}
