// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The machine under the core, as the checker has it: the same interface as the core's own `Machine.swift`, but every atomic
// operation first asks the scheduler who runs next, and every touch of a block asks whether it is still alive.
//
// All operations are sequentially consistent here, whatever their names say. The orderings are argued in the core's sources.

@frozen
@usableFromInline
struct Word: @unchecked Sendable {
    @usableFromInline let address: UnsafeMutablePointer<UInt>

    @inlinable
    init(at address: UnsafeMutableRawPointer) { self.address = address.assumingMemoryBound(to: UInt.self) }

    func initialize(to value: UInt) { address.initialize(to: value) }

    @usableFromInline
    func loadRelaxed() -> UInt { load() }

    /// No step: the word does not change any more.
    func loadSettled() -> UInt {
        Memory.willTouch(address)
        return address.pointee
    }

    @usableFromInline
    func loadAcquire() -> UInt { load() }

    @usableFromInline
    func load() -> UInt {
        if Memory.isPeeking { return address.pointee }
        scheduler.step(at: address)
        world.noteLoad(of: address)
        return address.pointee
    }

    @usableFromInline
    func storeRelaxed(_ value: UInt) {
        scheduler.step(at: address)
        address.pointee = value
    }

    @usableFromInline
    func swapAcquire(_ old: UInt, _ new: UInt) -> Bool { swap(old, new) }

    @usableFromInline
    func swapRelease(_ old: UInt, _ new: UInt) -> Bool {
        let isSwapped = swap(old, new)
        // A release gives something up, and anything may happen to it before the next thing that this caller does.
        if isSwapped { scheduler.pause() }
        return isSwapped
    }

    @usableFromInline
    func swapAcquireRelease(_ old: UInt, _ new: UInt) -> Bool { swap(old, new) }

    @usableFromInline
    func swap(_ old: UInt, _ new: UInt) -> Bool {
        scheduler.step(at: address)
        guard address.pointee == old else { return false }
        address.pointee = new
        return true
    }

    @usableFromInline
    func add(_ amount: UInt) -> UInt {
        scheduler.step(at: address)
        defer { address.pointee &+= amount }
        return address.pointee
    }

    @usableFromInline
    func increase(by amount: UInt) {
        scheduler.step(at: address)
        address.pointee &+= amount
    }

    @usableFromInline
    func decrease(by amount: UInt) {
        scheduler.step(at: address)
        address.pointee &-= amount
    }

    @usableFromInline
    func subtractOne() -> UInt {
        scheduler.step(at: address)
        defer { address.pointee &-= 1 }
        return address.pointee
    }
}

/// The memory of one pool at a time, in a buffer that outlives it: a touch after the free is detected and does no harm.
@usableFromInline
enum Memory {
    private struct Allocation {
        let range: Range<UnsafeMutableRawPointer>
        var isAlive = true
    }

    private static let capacity = 1 << 16
    nonisolated(unsafe) private static let buffer = UnsafeMutableRawPointer.allocate(
        byteCount: capacity,
        alignment: 128
    )
    /// The block, and then its chunks.
    nonisolated(unsafe) private static var allocations: [Allocation] = []
    nonisolated(unsafe) private static var isLent = false

    /// Whether the world reads for a check of its own.
    nonisolated(unsafe) static var isPeeking = false

    static var isAlive: Bool { allocations.contains { $0.isAlive } }

    @usableFromInline
    struct Heap {
        let allocate: @convention(c) (_ byteCount: Int, _ alignment: Int) -> UnsafeMutableRawPointer
        let free: @convention(c) (UnsafeMutableRawPointer) -> Void
    }

    static var heap: Heap { Heap(allocate: { Memory.allocate(byteCount: $0, alignment: $1) }, free: { Memory.free($0) }) }

    /// Begins the memory of another pool.
    static func reset() {
        allocations.removeAll(keepingCapacity: true)
        isLent = false
    }

    static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        let start = allocations.last.map { ($0.range.upperBound - buffer + 127) / 128 * 128 } ?? 0
        precondition(start + byteCount <= capacity && alignment <= 128)
        allocations.append(Allocation(range: buffer + start..<buffer + start + byteCount))
        return buffer + start
    }

    /// Memory for a block that must not be freed by the core, and not touched after `takeBack()`.
    static func lend(byteCount: Int) -> UnsafeMutableRawPointer {
        isLent = true
        return allocate(byteCount: byteCount, alignment: 128)
    }

    static func takeBack() {
        allocations[0].isAlive = false
        world.checkFreed()
    }

    static func free(_ address: UnsafeMutableRawPointer) {
        if isLent { scheduler.fail("memory that is not the block's own is freed") }
        guard let index = allocations.firstIndex(where: { $0.range.lowerBound == address }) else {
            return scheduler.fail("memory is freed that was not allocated")
        }
        if !allocations[index].isAlive {
            scheduler.fail(index == 0 ? "the block is freed twice" : "a chunk is freed twice")
        }
        allocations[index].isAlive = false
        if index == 0 {
            if isAlive { scheduler.fail("the block is freed before its chunks") }
            world.checkFreed()
        }
    }

    @usableFromInline
    static func willTouch(_ address: UnsafeMutableRawPointer) {
        guard let allocation = allocations.first(where: { $0.range.contains(address) }) else {
            return scheduler.fail("memory outside of the block is touched")
        }
        if !allocation.isAlive { scheduler.fail("memory of the block is touched after it was freed") }
    }
}

/// What is smaller here than in the core.
enum Slots {
    static var inFirstSegment: Int { 1 }
}

@usableFromInline
enum ThreadHint {
    @usableFromInline
    static var slot: Int {
        get { scheduler.hint }
        set { scheduler.hint = newValue }
    }
}

/// What the world makes visible by other means than words. Everything is visible at once here; Tools/relaxed, which uses the
/// same world, has more to do.
enum Signal {
    case wakeup, handler, handlerEnd, ticket, reference

    func send(_ caller: Int = 0) {}
    func receive(_ caller: Int = 0) {}
}
