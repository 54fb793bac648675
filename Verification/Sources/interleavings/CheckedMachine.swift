// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The machine beneath the core in the checker. The interface is that of the core's
// `Machine.swift`, but every atomic operation first asks the scheduler for the next caller, and
// every access to a block checks whether the block is alive.
//
// All operations are sequentially consistent here, whatever their names say. The core's sources
// argue the orderings.

@frozen
@usableFromInline
struct Word: @unchecked Sendable {
    @usableFromInline let address: UnsafeMutablePointer<UInt>

    @inlinable
    init(at address: UnsafeMutableRawPointer) { self.address = address.assumingMemoryBound(to: UInt.self) }

    func initialize(to value: UInt) { address.initialize(to: value) }

    @usableFromInline
    func loadRelaxed() -> UInt { load() }

    /// Not a step: the word does not change any more.
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
    func compareExchangeAcquire(_ old: UInt, _ new: UInt) -> Bool { compareExchange(old, new) }

    @usableFromInline
    func compareExchangeRelease(_ old: UInt, _ new: UInt) -> Bool {
        let isExchanged = compareExchange(old, new)
        // A release gives up ownership, and any event may happen before this caller's next step.
        if isExchanged { scheduler.pause() }
        return isExchanged
    }

    @usableFromInline
    func compareExchangeAcquireRelease(_ old: UInt, _ new: UInt) -> Bool { compareExchange(old, new) }

    @usableFromInline
    func compareExchange(_ old: UInt, _ new: UInt) -> Bool {
        scheduler.step(at: address)
        guard address.pointee == old else { return false }
        address.pointee = new
        world.noteChange()
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

/// The memory of one pool at a time, in a buffer that outlives it: an access after the free is
/// detected and harmless.
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
    nonisolated(unsafe) private static var block = buffer..<buffer
    nonisolated(unsafe) private static var isBlockAlive = false

    /// Whether the world reads for one of its own checks.
    nonisolated(unsafe) static var isPeeking = false

    /// Whether the world is told of each successful exchange.
    static var tellsChanges: Bool { true }

    static var isAlive: Bool { allocations.contains { $0.isAlive } }

    @usableFromInline
    struct Heap {
        let allocate: @convention(c) (_ byteCount: Int, _ alignment: Int) -> UnsafeMutableRawPointer
        let free: @convention(c) (UnsafeMutableRawPointer) -> Void
    }

    static var heap: Heap {
        Heap(allocate: { Memory.allocate(byteCount: $0, alignment: $1) }, free: { Memory.free($0) })
    }

    /// Starts the memory of another pool.
    static func reset() {
        allocations.removeAll(keepingCapacity: true)
        isLent = false
    }

    static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        let start = allocations.last.map { ($0.range.upperBound - buffer + 127) / 128 * 128 } ?? 0
        precondition(start + byteCount <= capacity && alignment <= 128)
        let range = buffer + start..<buffer + start + byteCount
        if allocations.isEmpty { (block, isBlockAlive) = (range, true) }
        allocations.append(Allocation(range: range))
        return buffer + start
    }

    /// Memory for a block that the core must not free, and that must not be accessed after
    /// `reclaim()`.
    static func lend(byteCount: Int) -> UnsafeMutableRawPointer {
        isLent = true
        return allocate(byteCount: byteCount, alignment: 128)
    }

    static func reclaim() {
        allocations[0].isAlive = false
        isBlockAlive = false
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
            isBlockAlive = false
            if isAlive { scheduler.fail("the block is freed before its chunks") }
            world.checkFreed()
        }
    }

    @usableFromInline
    static func willTouch(_ address: UnsafeMutableRawPointer) {
        // Most touches are of the block.
        if isBlockAlive, block.contains(address) { return }
        guard let allocation = allocations.first(where: { $0.range.contains(address) }) else {
            return scheduler.fail("memory outside of the block is touched")
        }
        if !allocation.isAlive { scheduler.fail("memory of the block is touched after it was freed") }
    }
}

/// Sizes that are smaller here than in the core.
enum Slots {
    static var inFirstSegment: Int { 1 }
    static var inGroup: Int { 1 }
}

@usableFromInline
enum ThreadHint {
    @usableFromInline
    static var slot: Int {
        get { scheduler.hint }
        set { scheduler.hint = newValue }
    }
}

/// Events that make steps visible by other means than words. Everything is visible at once here.
/// `relaxed`, which uses the same world, does more.
enum Signal {
    case wakeup, handler, handlerEnd, ticket, reference

    func send(_ caller: Int = 0) {}
    func receive(_ caller: Int = 0) {}
}
