// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A reference to a slot: a lock without waiting, with the element beside it.
///
/// A slot provides mutual exclusion only. The queue handles waiters. Each slot begins on a cache
/// line of its own, so that two holders never write to one line.
@frozen
@usableFromInline
@safe
struct Slot: @unchecked Sendable {
    /// The words before the element: its state, its offset in the block, and its index.
    @usableFromInline
    struct Head {
        var state: UInt
        var offset: Int
        @usableFromInline var index: Int
    }

    @usableFromInline let address: UnsafeMutableRawPointer

    @inlinable
    @inline(__always)
    init(address: UnsafeMutableRawPointer) { unsafe self.address = unsafe address }

    func initialize(core: Core, index: Int, state: UInt = SlotWord.vacant) {
        unsafe address.initializeMemory(as: Head.self, to: Head(state: 0, offset: address - core.base, index: index))
        self.state.initialize(to: state)
    }

    @inlinable
    @inline(__always)
    var state: Word { unsafe Word(at: address) }

    /// The block that contains the slot.
    var core: Core {
        unsafe Memory.willTouch(address)
        return unsafe Core(base: address - address.assumingMemoryBound(to: Head.self).pointee.offset)
    }

    @inlinable
    @inline(__always)
    var index: Int {
        unsafe Memory.willTouch(address)
        return unsafe address.assumingMemoryBound(to: Head.self).pointee.index
    }

    /// The address of the element. Only the slot's holder may access it.
    @inlinable
    @inline(__always)
    @unsafe
    func element<Element: ~Copyable>(_ type: Element.Type) -> UnsafeMutablePointer<Element> {
        unsafe Memory.willTouch(address)
        return unsafe (address + Slot.elementOffset(type)).assumingMemoryBound(to: Element.self)
    }

    @inlinable
    static func elementOffset<Element: ~Copyable>(_ type: Element.Type) -> Int {
        let alignment = MemoryLayout<Element>.alignment
        return (MemoryLayout<Head>.size + alignment - 1) / alignment * alignment
    }

    /// Bytes from one slot to the next: whole cache lines.
    @inlinable
    static func stride<Element: ~Copyable>(_ type: Element.Type) -> Int {
        let line = max(Core.line, MemoryLayout<Element>.alignment)
        return (elementOffset(type) + MemoryLayout<Element>.size + line - 1) / line * line
    }

    // MARK: The fast path

    /// Leases the slot if it is idle.
    ///
    /// A load precedes the exchange, because a failed exchange would take the cache line away
    /// from the slot's holder. Acquire pairs with the release of the last return: without it,
    /// this holder could see an older state of the element.
    @inlinable
    @inline(__always)
    func tryLease() -> Bool {
        state.loadRelaxed() == SlotWord.idle && state.compareExchangeAcquire(SlotWord.idle, SlotWord.leased)
    }

    /// Returns the slot if no waiter has marked it. Does not access it afterwards.
    ///
    /// Release pairs with the acquire of the next lease. Nothing is read afterwards, so the pool
    /// may be dropped at the next instant. A waiter marks the slot by an exchange of the same
    /// word, so one of the two sees the other. The fast path thus needs neither a fence nor a
    /// load of the queue.
    @inlinable
    @inline(__always)
    func tryReturn() -> Bool {
        ThreadHint.slot = index
        return state.compareExchangeRelease(SlotWord.leased, SlotWord.idle)
    }
}
