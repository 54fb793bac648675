// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Builtin

/// A ``LockPool`` whose sizes are part of its type and whose memory is its own. It never
/// allocates.
///
/// ```swift
/// let buffers = FixedLockPool<4, 16, Buffer>(repeating: Buffer())
/// ```
///
/// has four buffers, and up to 16 callers may wait for one. Use it without a heap, or to make a
/// pool a part of another object. Order, bound and guards are those of ``LockPool``.
///
/// A fixed pool has no `get(timeout:)`, because a deadline needs a sleeping task and thus a heap;
/// it has ``getBlocking(timeout:)``. It cannot be resized, and callers cannot create elements in
/// its slots.
///
/// A pool stays where it is: in a `let` that is global, static, stored in a class, or local. Its
/// guards and reservations point into it. Each of them must end before the pool does, and before
/// a `let` that holds the pool is moved to another. A pool that ends while a guard or reservation
/// exists traps. A pool without either may be moved, with its elements, as bytes. The elements
/// must not be values that only code of their own can move, as some C++ values are.
///
/// Its size is 264 bytes, plus the element and 89 bytes for each slot, plus 96 bytes for each
/// waiter (on 32 bits 132, 13 and 48).
///
/// On macOS it requires version 26, the first whose runtime has integer generic parameters.
@available(macOS 26.0, *)
@_staticExclusiveOnly
@_rawLayout(like: FixedBlock<count, maximumWaiters, Element>)
public struct FixedLockPool<let count: Int, let maximumWaiters: Int, Element: ~Copyable>: ~Copyable {
    /// The block in the pool's own memory.
    ///
    /// Its address is the pool's final address. A pool may move when its initializer returns.
    /// That is harmless, because a block does not store its own address.
    @inlinable
    @inline(__always)
    var core: Core { unsafe Core(base: UnsafeMutableRawPointer(Builtin.addressOfRawLayout(self))) }

    @inlinable
    static var stride: Int { MemoryLayout<FixedSlot<Element>>.stride }

    /// Creates a pool without elements, to be filled by ``tryReserve()``.
    ///
    /// - Parameter onVacancy: Called with the number of callers in line when a slot is vacant
    ///   while a caller waits, on the thread that caused it, perhaps more than once for a slot.
    ///   Must not block. A closure that captures nothing needs no heap.
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(onVacancy: @escaping @Sendable (_ waiters: Int) -> Void) {
        let shape = Core.Shape(
            count: count,
            maximumWaiters: maximumWaiters,
            callersCreate: false,
            slotStride: Self.stride,
            slotAlignment: MemoryLayout<FixedSlot<Element>>.alignment,
            heap: nil,
            destroyElement: { slot in unsafe slot.element(Element.self).deinitialize(count: 1) },
            onVacancy: onVacancy
        )
        _ = unsafe Core(
            shape,
            in: core.base,
            byteCount: MemoryLayout<FixedBlock<count, maximumWaiters, Element>>.size
        )
    }

    /// Creates a full pool.
    ///
    /// - Parameter makeElement: Returns the element for an index from 0 to `count - 1`; called in
    ///   that order.
    /// - Throws: The error that `makeElement` throws, after the elements made before are
    ///   destroyed.
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init<Failure: Error>(
        makeElement: (_ index: Int) throws(Failure) -> sending Element
    ) throws(Failure) {
        self.init(onVacancy: { _ in })
        for index in 0..<count {
            let element = try makeElement(index)
            // No other thread knows the pool, so its slot is vacant.
            Reservation(slot: core.reserveVacantSlot(index)!).fulfill(element)
        }
    }

    /// Creates a full pool of equal elements.
    ///
    /// - Parameter element: Returns an element; evaluated `count` times.
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(repeating element: @autoclosure () -> sending Element) {
        self.init { _ in element() }
    }

    deinit { core.drop() }
}

@available(macOS 26.0, *)
extension FixedLockPool where Element: Sendable {
    /// Creates a full pool of the given elements.
    ///
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(_ elements: [count of Element]) {
        self.init { index in elements[index] }
    }

    /// Creates a full pool of `count` elements.
    ///
    /// - Parameter elements: The elements. Traps unless there are `count`.
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(_ elements: [Element]) {
        precondition(elements.count == count, "A pool needs as many elements as it has slots.")
        self.init { index in elements[index] }
    }
}

/// State that the core does not synchronize never changes after the pool's initialization.
@available(macOS 26.0, *)
extension FixedLockPool: @unchecked Sendable where Element: ~Copyable {}

/// The memory of a pool's block, which the compiler measures. No value of this type exists.
///
/// Swift aligns nothing to more than 16 bytes, so a block does not begin at the beginning of a
/// cache line. Padding keeps apart what must not share a line.
@available(macOS 26.0, *)
@usableFromInline
struct FixedBlock<let count: Int, let maximumWaiters: Int, Element: ~Copyable>: ~Copyable {
    struct Waiter {
        let record: FixedLine
        /// The ring is the next power of two from two cells for each waiter: fewer than four for
        /// each, but two for a single waiter.
        let cells: [4 of UInt]
    }

    let head: [4 of FixedLine]
    let slots: [count of FixedSlot<Element>]
    let waiters: [maximumWaiters of Waiter]
    /// A word for each 64 slots: covered by a byte for each slot and one word more.
    let tallies: [count of UInt8]
    let lastTally: UInt
}

/// The memory of a slot.
@available(macOS 26.0, *)
@usableFromInline
struct FixedSlot<Element: ~Copyable>: ~Copyable {
    let head: Slot.Head
    let element: Element
    #if _pointerBitWidth(_64)
        /// Prevents two holders from writing to one cache line. On 32 bits there is one processor
        /// and little memory.
        let padding: FixedLine
    #endif
}

#if _pointerBitWidth(_64)
    @available(macOS 26.0, *)
    typealias FixedLine = [64 of UInt8]
#else
    @available(macOS 26.0, *)
    typealias FixedLine = [32 of UInt8]
#endif
