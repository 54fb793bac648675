// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Slots that are added to an existing pool. Slots never move, so no operation waits for another.
// A block on the heap has a directory of segments, each of which has twice as many slots as the
// one before. A segment contains its slots and their tallies, and is freed with the block.
//
// A segment is allocated and initialized before the number of slots grows. A thread that reads
// that number with acquire finds the segment. A thread that has the index of a slot from a
// waiter's record or from a slot's own memory has acquired those. New slots are vacant and
// retired: a search skips them until `resize(to:)` restores them, as it restores other slots.

extension Core {
    /// The number of segments that a block can have: slots for 4 million elements.
    static var mostSegments: Int { 16 }

    /// The largest number of slots that the block can have.
    var largestCapacity: Int {
        shape.heap == nil || !Core.grows
            ? shape.count : shape.count + Slots.inFirstSegment * (1 << Core.mostSegments - 1)
    }

    /// The number of slots.
    @usableFromInline
    var capacity: Int { Core.grows ? Int(slotCount.loadAcquire()) : shape.count }

    var slotCount: Word { unsafe Word(at: base + 3 * Core.line - MemoryLayout<UInt>.stride) }

    /// Initializes the number of slots and the directory of segments.
    func initializeSegments() {
        slotCount.initialize(to: UInt(shape.count))
        guard Core.grows else { return }
        for offset in stride(from: shape.segments, to: shape.tallies, by: MemoryLayout<UInt>.stride) {
            unsafe Word(at: base + offset).initialize(to: 0)
        }
    }

    /// Adds slots, vacant and retired, until there are at least `size`.
    ///
    /// - Complexity: O(new slots), lock-free. Allocates each added segment.
    func addSlots(until size: Int) {
        while Core.grows {
            let count = capacity
            if count >= size { return }
            let number = segment(of: count)
            makeSegment(number)
            // Release: a thread that reads the new number finds the slots. Sequentially
            // consistent: see `close()`.
            _ = slotCount.compareExchange(UInt(count), UInt(count + Slots.inFirstSegment << number))
        }
    }

    /// Returns the slot with this index, in a segment.
    @usableFromInline
    @inline(never)
    func addedSlot(_ index: Int) -> Slot {
        let number = segment(of: index)
        let offset = (index - firstSlot(of: number)) * shape.stride
        return unsafe Slot(address: address(ofSegment: number) + slotOffset(of: number) + offset)
    }

    /// Returns the tally of a group of slots in segments.
    func addedTally(_ group: Int) -> Word {
        let index = shape.count + group * TallyWord.group
        let number = segment(of: index)
        let offset = (index - firstSlot(of: number)) / TallyWord.group
        return unsafe Word(at: address(ofSegment: number) + offset * MemoryLayout<UInt>.stride)
    }

    /// Frees every segment when the block ends.
    func freeSegments() {
        guard Core.grows, let heap = shape.heap else { return }
        for number in 0..<Core.mostSegments {
            let segment = unsafe UnsafeMutableRawPointer(bitPattern: directoryEntry(number).loadSettled())
            if let segment = unsafe segment { unsafe heap.free(segment) }
        }
    }

    private func makeSegment(_ number: Int) {
        // Acquire: a thread that only increases the number of slots must find them initialized.
        if directoryEntry(number).loadAcquire() != 0 { return }
        let count = Slots.inFirstSegment << number
        let heap = shape.heap!
        let new = unsafe heap.allocate(slotOffset(of: number) + count * shape.stride, slotAlignment)
        for offset in 0..<count {
            let slot = unsafe Slot(address: new + slotOffset(of: number) + offset * shape.stride)
            slot.initialize(
                core: self,
                index: firstSlot(of: number) + offset,
                state: SlotWord.vacant | SlotWord.retired
            )
        }
        for first in stride(from: 0, to: count, by: TallyWord.group) {
            let tally = unsafe Word(at: new + first / TallyWord.group * MemoryLayout<UInt>.stride)
            tally.initialize(to: UInt(min(TallyWord.group, count - first)) * TallyWord.retired)
        }
        if !directoryEntry(number).compareExchangeAcquireRelease(0, UInt(bitPattern: new)) { unsafe heap.free(new) }
    }

    private func directoryEntry(_ number: Int) -> Word {
        unsafe Word(at: base + shape.segments + number * MemoryLayout<UInt>.stride)
    }

    private func address(ofSegment number: Int) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(bitPattern: directoryEntry(number).loadSettled())!
    }

    /// The number of the segment that contains the slot with this index.
    private func segment(of index: Int) -> Int {
        let sizes = UInt((index - shape.count) / Slots.inFirstSegment + 1)
        return UInt.bitWidth - 1 - sizes.leadingZeroBitCount
    }

    /// The alignment of slots: the largest power of two that their stride is a multiple of.
    private var slotAlignment: Int { max(Core.line, shape.stride & -shape.stride) }

    private func firstSlot(of segment: Int) -> Int { shape.count + Slots.inFirstSegment * (1 << segment - 1) }

    /// The offset of a segment's slots, which follow its tallies.
    private func slotOffset(of segment: Int) -> Int {
        let groups = (Slots.inFirstSegment << segment + TallyWord.group - 1) / TallyWord.group
        return (groups * MemoryLayout<UInt>.stride + slotAlignment - 1) / slotAlignment * slotAlignment
    }
}
