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

    @usableFromInline
    func loadAcquire() -> UInt { load() }

    @usableFromInline
    func load() -> UInt {
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

/// One block at a time, in a buffer that outlives it, so that a touch after the free is seen and does no harm.
@usableFromInline
enum Memory {
    nonisolated(unsafe) private static let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 128)
    nonisolated(unsafe) private static var size = 0
    nonisolated(unsafe) static var isAlive = false
    nonisolated(unsafe) private static var isLent = false

    @usableFromInline
    typealias Free = @convention(c) (UnsafeMutableRawPointer) -> Void

    static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        precondition(byteCount <= 1 << 16 && alignment <= 128)
        size = byteCount
        isAlive = true
        isLent = false
        return buffer
    }

    /// Memory for a block that must not be freed by the core, and not touched after `takeBack()`.
    static func lend(byteCount: Int) -> UnsafeMutableRawPointer {
        defer { isLent = true }
        return allocate(byteCount: byteCount, alignment: 128)
    }

    static func takeBack() {
        isAlive = false
        world.checkFreed()
    }

    static func free(_ block: UnsafeMutableRawPointer) {
        if isLent { scheduler.fail("memory that is not the block's own is freed") }
        if !isAlive { scheduler.fail("the block is freed twice") }
        isAlive = false
        world.checkFreed()
    }

    @usableFromInline
    static func willTouch(_ address: UnsafeMutableRawPointer) {
        if !isAlive { scheduler.fail("memory of the block is touched after it was freed") }
        if address < buffer || address >= buffer + size { scheduler.fail("memory outside of the block is touched") }
    }
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
