// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A block of memory that contains an entire pool.
///
///     line 0    queue word: every waiter writes it, so no word that is only read shares its line
///     line 1    constants (`Shape`), two lines; at their end the number of slots, which grows
///     line 3    head of the free list, number of holds, of live waiters and of used records
///     slots     each: state, offset in the block, index, element; no two on one line
///     records   a record for each waiter, one line each
///     cells     the ring of the queue, one word each
///     tallies   a word for each 64 slots: how many of them a search has to examine
///
/// A block on the heap has a directory of chunks in place of the records, and another in place of
/// the cells. The first waiter that needs a chunk allocates it. See `Core+Chunks.swift`. It also
/// has a directory of segments, which contain the slots that were added later. See
/// `Core+Segments.swift`.
///
/// A `Core` is a reference to the block and nothing more. A block in memory of its owner refers
/// to its parts by their offsets, so that it can be moved while it is not in use.
///
/// A block on the heap lives until its last hold is released. The pool object has a hold. When
/// the pool object ends, every held slot has one. An operation that loads the queue after it has
/// released its slot takes one for that time. A block in memory of its owner ends with its pool,
/// which must then have the only hold. See `Core+Lifetime.swift`.
@frozen
@usableFromInline
@safe
struct Core: @unchecked Sendable {
    /// The constants of a block.
    @usableFromInline
    @safe
    struct Shape {
        /// The number of slots in the block itself.
        @usableFromInline let count: Int
        /// The offset of the slots in bytes from the beginning of the block. The offsets of cells
        /// and records follow.
        @usableFromInline let slots: Int
        /// Bytes from one slot to the next.
        @usableFromInline let stride: Int
        let records: Int
        let cells: Int
        let segments: Int
        /// The number of cells: a power of two, or 0 if no caller may wait.
        let ring: Int
        /// The number of records, which is the largest number of waiters.
        let maximumWaiters: Int
        /// Whether a caller may receive a vacant slot and create the element itself.
        @usableFromInline let callersCreate: Bool
        /// Whether records and cells are allocated in chunks, as waiters need them.
        let isChunked: Bool
        /// The binary logarithms of the number of records and of cells in a chunk.
        let recordShift: UInt8
        let cellShift: UInt8
        /// Destroys the element of a slot in place.
        let destroyElement: @Sendable (Slot) -> Void
        /// Called with the number of live waiters if callers do not create and a slot is vacant
        /// while a caller waits.
        let onVacancy: @Sendable (_ waiters: Int) -> Void
        /// The allocator of the block and its chunks; `nil` for a block in memory of its owner.
        let heap: Memory.Heap?
    }

    /// Bytes of a cache line. On 32 bits, where words need only their order, the length of eight
    /// words.
    @usableFromInline static var line: Int { @inlinable get { 8 * MemoryLayout<UInt>.stride } }

    /// Whether a block on the heap allocates the memory of waiters and more slots when they are
    /// needed. In Embedded Swift it has all memory from the start, which saves the code.
    @inlinable
    static var grows: Bool {
        #if hasFeature(Embedded)
            false
        #else
            true
        #endif
    }

    @usableFromInline let base: UnsafeMutableRawPointer

    /// Creates a reference to the block that begins at `base`.
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
    /// The number of live waiters.
    ///
    /// It grows after a waiter has got in line and before that waiter examines the slots. It
    /// shrinks after the waiter has left the line and before it is woken. The decrement may come
    /// first, so the number can be negative for a moment.
    var live: Word { unsafe Word(at: base + 3 * Core.line + 2 * MemoryLayout<UInt>.stride) }
    /// The number of records that have been used at least once. A record comes from the free
    /// list, or else is the next unused one.
    var usedRecords: Word { unsafe Word(at: base + 3 * Core.line + 3 * MemoryLayout<UInt>.stride) }

    /// Returns the slot with this index.
    @inlinable
    @inline(__always)
    func slot(_ index: Int) -> Slot {
        !Core.grows || index < shape.count
            ? unsafe Slot(address: base + shape.slots + index * shape.stride) : addedSlot(index)
    }

    /// The number of slots that ``resize(to:)`` has asked for last.
    var targetSize: Word { unsafe Word(at: base + 3 * Core.line + 4 * MemoryLayout<UInt>.stride) }

    /// The number of groups of slots.
    var groups: Int { groups(of: capacity) }

    /// The number of groups that so many slots have.
    func groups(of capacity: Int) -> Int {
        Core.grows ? shape.groups + (capacity - shape.count + TallyWord.group - 1) / TallyWord.group : shape.groups
    }

    /// Returns the tally of a group of slots.
    func tally(_ group: Int) -> Word {
        if Core.grows, group >= shape.groups { return addedTally(group - shape.groups) }
        return unsafe Word(at: base + shape.tallies + group * MemoryLayout<UInt>.stride)
    }

    func tally(of slot: Slot) -> Word { tally(group(of: slot.index)) }

    private func group(of index: Int) -> Int {
        !Core.grows || index < shape.count
            ? index / TallyWord.group : shape.groups + (index - shape.count) / TallyWord.group
    }

    /// The indices of the slots in a group.
    func slots(in group: Int) -> Range<Int> {
        if !Core.grows || group < shape.groups {
            return group * TallyWord.group..<min((group + 1) * TallyWord.group, shape.count)
        }
        let first = shape.count + (group - shape.groups) * TallyWord.group
        return first..<first + TallyWord.group
    }
}

extension Core.Shape {
    /// Computes the layout of a block for a number of slots and waiters.
    ///
    /// With two cells for each waiter, a new waiter skips at most every other ticket because an
    /// older waiter occupies its cell. The interleaving checker uses fewer cells and smaller
    /// chunks.
    ///
    /// - Parameters:
    ///   - chunk: The number of cells in a chunk, a power of two. A chunk of records has an
    ///     eighth of that, but at least one. 0 for a block that contains all records and cells,
    ///     as every block without a heap does.
    ///   - heap: The allocator of the block and its chunks; `nil` for a block in memory of its
    ///     owner.
    @usableFromInline
    init(
        count: Int,
        maximumWaiters: Int,
        callersCreate: Bool,
        cellsPerWaiter: Int = 2,
        slotStride: Int,
        slotAlignment: Int,
        chunk: Int = 128,
        heap: Memory.Heap?,
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
        isChunked = Core.grows && heap != nil && chunk > 0
        cellShift = UInt8(min(max(chunk, 1), max(ring, 1)).trailingZeroBitCount)
        recordShift = UInt8(min(max(chunk / 8, 1), max(ring / 2, 1)).trailingZeroBitCount)
        slots = (4 * Core.line + slotAlignment - 1) / slotAlignment * slotAlignment
        records = slots + count * slotStride
        if !isChunked {
            cells = records + maximumWaiters * Record.stride
            segments = cells + ring * MemoryLayout<UInt>.stride
        } else {
            cells = records + Core.Shape.chunks(of: maximumWaiters, shift: recordShift) * MemoryLayout<UInt>.stride
            segments = cells + Core.Shape.chunks(of: ring, shift: cellShift) * MemoryLayout<UInt>.stride
        }
        stride = slotStride
        self.ring = ring
        self.count = count
        self.maximumWaiters = maximumWaiters
        self.callersCreate = callersCreate
        self.destroyElement = destroyElement
        self.onVacancy = onVacancy
        self.heap = heap
    }

    /// The size of the block in bytes.
    var byteCount: Int { tallies + groups * MemoryLayout<UInt>.stride }

    /// The offset of the tallies.
    var tallies: Int { segments + (heap == nil || !Core.grows ? 0 : Core.mostSegments * MemoryLayout<UInt>.stride) }

    /// The number of chunks, of 2 to the power of `shift` each, for `count` records or cells.
    static func chunks(of count: Int, shift: UInt8) -> Int { (count + 1 << Int(shift) - 1) >> Int(shift) }

    /// The number of groups of slots in the block itself. Each group has a tally.
    var groups: Int { (count + TallyWord.group - 1) / TallyWord.group }
}

extension Core {
    /// Allocates a block on the heap, which its last hold frees.
    ///
    /// - Parameters:
    ///   - shape: The layout, which has a heap.
    ///   - alignment: The alignment of the slots.
    /// - Complexity: O(slots), and a word for each chunk; one allocation.
    @usableFromInline
    init(allocating shape: Shape, alignment: Int) {
        let block = unsafe shape.heap!.allocate(shape.byteCount, max(Core.line, alignment))
        unsafe self.init(shape, in: block, byteCount: shape.byteCount)
    }

    /// Creates a block in the memory at `block`, which is aligned for words and slots. Its slots
    /// are vacant, its queue is empty, and none of its records is in use.
    ///
    /// - Complexity: O(slots + maximum waiters), or with a heap O(slots + chunks). Allocates
    ///   nothing.
    @usableFromInline
    init(_ shape: Shape, in block: UnsafeMutableRawPointer, byteCount: Int) {
        precondition(
            shape.byteCount <= byteCount && MemoryLayout<Shape>.size <= 2 * Core.line - MemoryLayout<UInt>.size,
            "LockPool: the memory is too small for the pool."
        )
        unsafe self.init(base: block)
        unsafe (base + Core.line).initializeMemory(as: Shape.self, to: shape)
        queue.initialize(to: QueueWord(tail: Ticket(0), length: 0, isClosed: false).bits)
        initializeSegments()
        targetSize.initialize(to: UInt(shape.count))
        holds.initialize(to: 1)
        live.initialize(to: 0)
        for index in 0..<shape.count { slot(index).initialize(core: self, index: index) }
        for group in 0..<shape.groups {
            tally(group).initialize(to: UInt(slots(in: group).count) * TallyWord.vacant)
        }
        initializeRecordsAndCells()
    }
}
