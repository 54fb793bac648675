// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The machine beneath the core: atomic words, memory, and a hint for each thread. No other file
// of the core uses an atomic or allocates, except Deadlines.swift, which uses tasks and lies
// above the core. The interleaving checker replaces this file and runs all others unchanged.

public import CLockPoolThread
public import Synchronization

/// An atomic word in a pool's block.
///
/// The names contain the orderings, because each call argues its ordering. On x86 every
/// read-modify-write is a full fence and every load is an acquire; there the names matter to the
/// compiler, and elsewhere also to the processor.
@frozen
@usableFromInline
@safe
struct Word: @unchecked Sendable {
    @usableFromInline let address: UnsafeMutablePointer<Atomic<UInt>>

    /// Creates a reference to the word at `address`, which is word-aligned and in a pool's block.
    @inlinable
    init(at address: UnsafeMutableRawPointer) {
        unsafe self.address = unsafe address.assumingMemoryBound(to: Atomic<UInt>.self)
    }

    func initialize(to value: UInt) {
        unsafe address.initialize(to: Atomic(value))
    }

    @inlinable
    @inline(__always)
    func loadRelaxed() -> UInt { unsafe address.pointee.load(ordering: .relaxed) }

    /// Loads a word that is written once, before this load, or that is never written again.
    func loadSettled() -> UInt { unsafe address.pointee.load(ordering: .relaxed) }

    @inlinable
    @inline(__always)
    func loadAcquire() -> UInt { unsafe address.pointee.load(ordering: .acquiring) }

    @inlinable
    @inline(__always)
    func load() -> UInt { unsafe address.pointee.load(ordering: .sequentiallyConsistent) }

    @inlinable
    @inline(__always)
    func storeRelaxed(_ value: UInt) { unsafe address.pointee.store(value, ordering: .relaxed) }

    @inlinable
    @inline(__always)
    func compareExchangeAcquire(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(
            expected: old,
            desired: new,
            successOrdering: .acquiring,
            failureOrdering: .relaxed
        ).exchanged
    }

    @inlinable
    @inline(__always)
    func compareExchangeRelease(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(
            expected: old,
            desired: new,
            successOrdering: .releasing,
            failureOrdering: .relaxed
        ).exchanged
    }

    func compareExchangeAcquireRelease(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }

    /// Compares and exchanges with sequential consistency, also on failure.
    func compareExchange(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(expected: old, desired: new, ordering: .sequentiallyConsistent).exchanged
    }

    /// Adds `amount` and returns the previous value.
    func add(_ amount: UInt) -> UInt {
        unsafe address.pointee.add(amount, ordering: .relaxed).oldValue
    }

    /// Adds `amount` without reading the value.
    func increase(by amount: UInt) {
        unsafe address.pointee.wrappingAdd(amount, ordering: .sequentiallyConsistent)
    }

    /// Subtracts `amount` without reading the value.
    func decrease(by amount: UInt) {
        unsafe address.pointee.wrappingSubtract(amount, ordering: .sequentiallyConsistent)
    }

    /// Subtracts one and returns the previous value. The thread that reaches zero sees everything
    /// that other threads did before their subtractions.
    func subtractOne() -> UInt {
        unsafe address.pointee.subtract(1, ordering: .acquiringAndReleasing).oldValue
    }
}

/// Sizes that the checkers reduce.
enum Slots {
    /// The number of slots in the first segment that a pool adds: as many as share a tally.
    static var inFirstSegment: Int { inGroup }
    /// The number of slots that share a tally.
    static var inGroup: Int { 64 }
}

/// The allocator of pools.
@usableFromInline
enum Memory {
    /// The functions that allocate and free memory, as values. A pool in memory of its owner has
    /// none, so a program with only such pools needs no allocator.
    @safe
    @usableFromInline
    struct Heap {
        let allocate: @convention(c) (_ byteCount: Int, _ alignment: Int) -> UnsafeMutableRawPointer
        let free: @convention(c) (UnsafeMutableRawPointer) -> Void
    }

    @usableFromInline static var heap: Heap {
        unsafe Heap(
            allocate: { .allocate(byteCount: $0, alignment: $1) },
            free: { unsafe $0.deallocate() }
        )
    }

    /// Called before plain memory of a block is read or written. Does nothing here. The checker
    /// tests whether the block is alive.
    @inlinable
    @inline(__always)
    static func willTouch(_ address: UnsafeMutableRawPointer) {}
}

/// The index of the slot that the current thread returned last, in any pool. A search starts
/// there.
@usableFromInline
enum ThreadHint {
    @inlinable
    @inline(__always)
    static var slot: Int {
        get { unsafe Int(bitPattern: lockpool_thread_hint().pointee) }
        set { unsafe lockpool_thread_hint().pointee = UInt(bitPattern: newValue) }
    }
}
