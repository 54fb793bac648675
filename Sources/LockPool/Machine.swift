// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the core asks of the machine: atomic words, memory, and a hint per thread. Nothing else in the core touches an
// atomic or allocates (but for Deadlines.swift, which lives above the core, with tasks), so that the interleaving checker
// can replace this one file and run all the others as they are.

public import CLockPoolThread
public import Synchronization

/// An atomic word somewhere in a pool's block.
///
/// The orderings are in the names, because they are argued at each call. On x86 every read-modify-write is a full fence
/// and every load is an acquire; the names matter to the compiler there, and to the processor elsewhere.
@frozen
@usableFromInline
@safe
struct Word: @unchecked Sendable {
    @usableFromInline let address: UnsafeMutablePointer<Atomic<UInt>>

    /// The word at `address`, which lies in a pool's block and is word-aligned.
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

    /// Loads a word that is written once, which happened before, or will not be written any more.
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
    func swapAcquire(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(
            expected: old,
            desired: new,
            successOrdering: .acquiring,
            failureOrdering: .relaxed
        ).exchanged
    }

    @inlinable
    @inline(__always)
    func swapRelease(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(
            expected: old,
            desired: new,
            successOrdering: .releasing,
            failureOrdering: .relaxed
        ).exchanged
    }

    func swapAcquireRelease(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }

    /// Compares and exchanges with sequential consistency, also when it fails.
    func swap(_ old: UInt, _ new: UInt) -> Bool {
        unsafe address.pointee.compareExchange(expected: old, desired: new, ordering: .sequentiallyConsistent).exchanged
    }

    /// Adds and returns the value from before.
    func add(_ amount: UInt) -> UInt {
        unsafe address.pointee.add(amount, ordering: .relaxed).oldValue
    }

    /// Adds, without a look at the value.
    func increase(by amount: UInt) {
        unsafe address.pointee.wrappingAdd(amount, ordering: .sequentiallyConsistent)
    }

    /// Subtracts, without a look at the value.
    func decrease(by amount: UInt) {
        unsafe address.pointee.wrappingSubtract(amount, ordering: .sequentiallyConsistent)
    }

    /// Subtracts one and returns the value from before; whoever brings it to zero sees all that others did before theirs.
    func subtractOne() -> UInt {
        unsafe address.pointee.subtract(1, ordering: .acquiringAndReleasing).oldValue
    }
}

/// What the checkers make smaller.
enum Slots {
    /// The number of slots that are added to a pool first: as many as share a tally.
    static var inFirstSegment: Int { TallyWord.group }
}

/// Where the memory of a pool comes from and goes to.
@usableFromInline
enum Memory {
    /// How memory is allocated and freed, as values: a pool in the memory of its owner has none, and so a program of such pools alone
    /// needs no allocator.
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

    /// Says that plain memory of a block is about to be read or written. Nothing here; the checker looks whether the
    /// block is still alive.
    @inlinable
    @inline(__always)
    static func willTouch(_ address: UnsafeMutableRawPointer) {}
}

/// The index of the slot that the current thread returned last, in whichever pool: a search starts there.
@usableFromInline
enum ThreadHint {
    @inlinable
    @inline(__always)
    static var slot: Int {
        get { unsafe Int(bitPattern: lockpool_thread_hint().pointee) }
        set { unsafe lockpool_thread_hint().pointee = UInt(bitPattern: newValue) }
    }
}
