// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Builtin

/// A ``LockPool`` whose sizes are in its type and whose memory is its own: it allocates nothing, not even when it is made.
///
/// ```swift
/// let buffers = FixedLockPool<4, 16, Buffer>(repeating: Buffer())
/// ```
///
/// has four buffers, and up to 16 may wait for one. It is for where there is no heap, and for where a pool is to be a part of
/// another object. Line, order, bound and guards are those of ``LockPool``.
///
/// It lacks `get(timeout:)`, because a deadline needs a task that sleeps and so a heap; ``getBlocking(timeout:)`` is there. And it
/// lacks what a pool decides at run time: another size, and slots that callers fill.
///
/// A pool stays where it is: in a `let` that is global, static, stored in a class, or local. The guards and reservations that
/// it gives point into it, so each has to end before the pool does, and before a `let` that holds it is moved to another. A
/// pool that ends while one is out traps. While nothing is out it may be moved, with its elements, as bytes: so these must not be
/// values that can only be moved by code of their own, as some of C++ are.
///
/// Its size is 264 bytes, and for each slot the element and 89 bytes, and for each waiter 96 (on 32 bits 132, 13 and 48).
///
/// On macOS it needs version 26, the first whose runtime has integers as generic parameters.
@available(macOS 26.0, *)
@_staticExclusiveOnly
@_rawLayout(like: FixedBlock<count, maximumWaiters, Element>)
public struct FixedLockPool<let count: Int, let maximumWaiters: Int, Element: ~Copyable>: ~Copyable {
    /// The block in the pool's own memory.
    ///
    /// The address is that of the pool, wherever it has come to rest. While it is being made it may move on return; that does
    /// no harm, because nothing in a block tells where it is.
    @inlinable
    @inline(__always)
    var core: Core { unsafe Core(base: UnsafeMutableRawPointer(Builtin.addressOfRawLayout(self))) }

    @inlinable
    static var stride: Int { MemoryLayout<FixedSlot<Element>>.stride }

    /// A pool that is filled from outside, by ``tryReserve()``.
    ///
    /// - Parameter onVacancy: Called with the number of callers in line when a slot is vacant while one waits, on the thread that brought
    ///   that about; perhaps more than once for the same slot. Must not block. A closure that captures nothing needs no heap.
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

    /// A full pool.
    ///
    /// - Parameter makeElement: Makes the element for an index from 0 to `count - 1`; called in that order.
    /// - Throws: What `makeElement` throws; the elements made before are destroyed.
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init<Failure: Error>(
        makeElement: (_ index: Int) throws(Failure) -> sending Element
    ) throws(Failure) {
        self.init(onVacancy: { _ in })
        for index in 0..<count {
            let element = try makeElement(index)
            // Nobody else knows the pool, so its slot is vacant.
            Reservation(slot: core.reserveVacantSlot(index)!).fulfill(element)
        }
    }

    /// A full pool of equal elements.
    ///
    /// - Parameter element: Makes an element; evaluated `count` times.
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(repeating element: @autoclosure () -> sending Element) {
        self.init { _ in element() }
    }

    deinit { core.drop() }
}

@available(macOS 26.0, *)
extension FixedLockPool where Element: Sendable {
    /// A full pool of these elements.
    ///
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(_ elements: [count of Element]) {
        self.init { index in elements[index] }
    }

    /// A full pool of these elements, of which there have to be `count`.
    ///
    /// - Complexity: O(`count` + `maximumWaiters`).
    @inlinable
    public init(_ elements: [Element]) {
        precondition(elements.count == count, "A pool needs as many elements as it has slots.")
        self.init { index in elements[index] }
    }
}

/// Whatever is not synchronised by the core does not change after the pool is made.
@available(macOS 26.0, *)
extension FixedLockPool: @unchecked Sendable where Element: ~Copyable {}

/// The memory of a pool's block, for the compiler to measure. There is never a value of it.
///
/// Swift aligns nothing to more than 16 bytes, so a block does not begin at a cache line's beginning here, and padding keeps apart
/// what must not be on one line.
@available(macOS 26.0, *)
@usableFromInline
struct FixedBlock<let count: Int, let maximumWaiters: Int, Element: ~Copyable>: ~Copyable {
    struct Waiter {
        let record: FixedLine
        /// The ring is the next power of two from two cells for each waiter: fewer than four for each, but two for one.
        let cells: [4 of UInt]
    }

    let head: [4 of FixedLine]
    let slots: [count of FixedSlot<Element>]
    let waiters: [maximumWaiters of Waiter]
    /// A word for each 64 slots: in a byte for each slot and one word more.
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
        /// So that two holders never write to one line. Where words have 32 bits there is one processor, and little memory.
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
