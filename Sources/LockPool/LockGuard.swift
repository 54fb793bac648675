// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Exclusive access to one element of a ``LockPool`` or ``FixedLockPool``. The element goes back when the guard ends.
///
/// A guard cannot be copied, so an element has one holder. It may be kept across `await`, and given to another task by a
/// `consuming sending` parameter. It does not keep the pool alive: where the pool object is gone, the end of the guard
/// destroys the element. Only a fixed pool has to outlive its guards, because they point into it; otherwise it traps.
///
/// A guard is one pointer. Getting and returning neither allocates nor counts references.
@frozen
public struct LockGuard<Element: ~Copyable>: ~Copyable, Sendable {
    @usableFromInline let slot: Slot

    @inlinable
    init(slot: Slot) { self.slot = slot }

    @inlinable
    deinit {
        if !slot.tryReturn() { slot.returnContended() }
    }
}

extension Slot {
    @usableFromInline
    @inline(never)
    func returnContended() { core.settle(self) }

    /// Keeps the slot in hand, whose element is gone.
    @usableFromInline
    func becomeReserved() { core.reserveLeased(self) }

    /// Empties the slot in hand, whose element is gone.
    @usableFromInline
    @inline(never)
    func becomeVacant() { core.vacate(self) }
}

extension LockGuard where Element: ~Copyable {
    /// Calls `body` with the element in place.
    ///
    /// This is the way to an element that is not `Sendable`: as with `Mutex.withLock`, nothing of the element's region can
    /// leave the closure, so that nobody can use the element when the guard is gone.
    ///
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    @inlinable
    public mutating func withElement<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Element) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try unsafe body(&slot.element(Element.self).pointee)
    }

    #if !hasFeature(Embedded)

        /// Calls `body`, which may suspend, with the element in place.
        ///
        /// As the form for bodies that do not suspend, which the compiler takes where `body` has no `await`. The element stays leased while
        /// `body` is suspended.
        ///
        /// - Returns: What `body` returns.
        /// - Throws: What `body` throws.
        @inlinable
        public nonisolated(nonsending) mutating func withElement<Result: ~Copyable, Failure: Error>(
            _ body: nonisolated(nonsending) (inout sending Element) async throws(Failure) -> sending Result
        ) async throws(Failure) -> sending Result {
            try await unsafe body(&slot.element(Element.self).pointee)
        }

    #endif

    /// Returns the element now, instead of at the end of the guard's scope.
    ///
    /// If somebody waits, the element goes to the one that has waited longest, else it is idle.
    ///
    /// - Complexity: O(1); one atomic exchange when nobody waits.
    @inlinable
    public consuming func release() {}

    /// Takes the element out of the pool for good. Its slot becomes vacant.
    ///
    /// Where callers create (``LockPool/getOrCreate(timeout:_:)``), the oldest waiter is handed the vacant slot.
    ///
    /// - Returns: The element.
    @inlinable
    public consuming func take() -> sending Element {
        let slot = self.slot
        discard self
        nonisolated(unsafe) let element = unsafe slot.element(Element.self).move()
        slot.becomeVacant()
        return unsafe element
    }

    /// Destroys the element, because it is of no use any more. Its slot becomes vacant, as with ``take()``.
    @inlinable
    public consuming func discard() {
        let slot = self.slot
        discard self
        unsafe slot.element(Element.self).deinitialize(count: 1)
        slot.becomeVacant()
    }
}

// MARK: - For pools that are built on this one

extension LockGuard where Element: ~Copyable {
    /// Takes the element out and keeps its slot reserved, so that it can be filled again, or abandoned.
    @inlinable
    package consuming func takeReserving(
        _ body: (consuming sending Element, consuming sending Reservation<Element>) -> Void
    ) {
        let slot = self.slot
        discard self
        slot.becomeReserved()
        body(unsafe slot.element(Element.self).move(), Reservation(slot: slot))
    }

    /// Ends the guard without a return. Whoever has the slot makes a guard of it again.
    @inlinable
    package consuming func detach() -> LeasedSlot {
        let slot = self.slot
        discard self
        return LeasedSlot(slot: slot)
    }

    /// A guard for a slot that another guard was detached from.
    @inlinable
    package init(_ leased: LeasedSlot) { self.init(slot: leased.slot) }
}

/// A slot in somebody's hand, without the care of a guard: for a noncopyable type whose `deinit` decides what becomes of it.
@frozen
@usableFromInline
package struct LeasedSlot: Sendable {
    @usableFromInline let slot: Slot

    @inlinable
    init(slot: Slot) { self.slot = slot }

    /// Where the element is.
    @inlinable
    @unsafe
    package func element<Element: ~Copyable>(_ type: Element.Type) -> UnsafeMutablePointer<Element> {
        unsafe slot.element(type)
    }
}

extension LockGuard where Element: ~Copyable & Sendable {
    /// The element, in place.
    @inlinable
    public var element: Element {
        _read { yield unsafe slot.element(Element.self).pointee }
        _modify { yield unsafe &slot.element(Element.self).pointee }
    }
}
