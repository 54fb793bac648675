// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A reference to a slot: a lock that is only ever tried, with the element beside it.
///
/// Mutual exclusion and nothing else; who waits for a slot is the queue's business. A slot begins on a cache line of its
/// own, so that two holders never write to one line.
@frozen
@usableFromInline
@safe
struct Slot: @unchecked Sendable {
    /// What stands before the element: its state, its distance from the beginning of the block, and its number.
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

    /// The block that the slot is in.
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

    /// Where the element is, or will be. Only for whoever has the slot in hand.
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

    /// Takes the slot if it is idle.
    ///
    /// A load before the exchange, because a failed exchange would pull the line away from its holder. Acquire pairs with
    /// the release of the last return: without it this holder could see the element as it was before.
    @inlinable
    @inline(__always)
    func tryLease() -> Bool {
        state.loadRelaxed() == SlotWord.idle && state.swapAcquire(SlotWord.idle, SlotWord.leased)
    }

    /// Gives the slot back if nobody waits for it, and then touches nothing of it any more.
    ///
    /// Release pairs with the acquire of the next lease. Nothing is read afterwards, so a drop of the pool in the next
    /// instant is no concern. A waiter that marks the slot does it by an exchange on this same word, so one of the two
    /// sees the other: this is why no fence and no look at the queue is needed here.
    @inlinable
    @inline(__always)
    func tryReturn() -> Bool {
        ThreadHint.slot = index
        return state.swapRelease(SlotWord.leased, SlotWord.idle)
    }
}
