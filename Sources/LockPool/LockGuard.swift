// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Exclusive access to one element of a ``LockPool`` or ``FixedLockPool``. The end of the guard
/// returns the element.
///
/// A guard is noncopyable, so an element has one holder. It may be kept across `await`, and
/// passed to another task as a `consuming sending` parameter. It does not keep the pool alive: if
/// the pool object is gone, the end of the guard destroys the element. Only a fixed pool must
/// outlive its guards, because they point into it; otherwise it traps.
///
/// A guard is one pointer. Leasing and returning an element neither allocates nor counts
/// references.
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

    /// Keeps the held slot, whose element is gone, as a reservation.
    @usableFromInline
    func becomeReserved() { core.reserveLeased(self) }

    /// Makes the held slot, whose element is gone, vacant.
    @usableFromInline
    @inline(never)
    func becomeVacant() { core.vacate(self) }
}

extension LockGuard where Element: ~Copyable {
    /// Calls `body` with the element in place.
    ///
    /// This method gives access to an element that is not `Sendable`. As with `Mutex.withLock`,
    /// nothing in the element's region can leave the closure, so no code can use the element
    /// after the guard has ended.
    ///
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws.
    @inlinable
    public mutating func withElement<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Element) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try unsafe body(&slot.element(Element.self).pointee)
    }

    #if !hasFeature(Embedded)

        /// Calls `body`, which may suspend, with the element in place.
        ///
        /// The compiler selects this form if `body` contains `await`. The element stays leased
        /// while `body` is suspended.
        ///
        /// - Returns: The result of `body`.
        /// - Throws: The error that `body` throws.
        @inlinable
        public nonisolated(nonsending) mutating func withElement<Result: ~Copyable, Failure: Error>(
            _ body: nonisolated(nonsending) (inout sending Element) async throws(Failure) -> sending Result
        ) async throws(Failure) -> sending Result {
            try await unsafe body(&slot.element(Element.self).pointee)
        }

    #endif

    /// Returns the element now, instead of at the end of the guard's scope.
    ///
    /// The longest-waiting caller receives the element. If no caller waits, the element becomes
    /// idle.
    ///
    /// - Complexity: O(1); one atomic exchange if no caller waits.
    @inlinable
    public consuming func release() {}

    /// Removes the element from the pool. Its slot becomes vacant.
    ///
    /// If callers create (``LockPool/getOrCreate(timeout:_:)``), the oldest waiter receives the
    /// vacant slot.
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

    /// Destroys the element. Its slot becomes vacant, as with ``take()``.
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
    /// Takes the element out and keeps its slot reserved, to be filled again or abandoned.
    @inlinable
    package consuming func takeReserving(
        _ body: (consuming sending Element, consuming sending Reservation<Element>) -> Void
    ) {
        let slot = self.slot
        discard self
        slot.becomeReserved()
        body(unsafe slot.element(Element.self).move(), Reservation(slot: slot))
    }

    /// Ends the guard without a return. The caller makes a guard of the slot again.
    @inlinable
    package consuming func detach() -> LeasedSlot {
        let slot = self.slot
        discard self
        return LeasedSlot(slot: slot)
    }

    /// Creates a guard for a slot that another guard was detached from.
    @inlinable
    package init(_ leased: LeasedSlot) { self.init(slot: leased.slot) }
}

/// A held slot without a guard, for a noncopyable type whose `deinit` decides how the slot is
/// returned.
@frozen
@usableFromInline
package struct LeasedSlot: Sendable {
    @usableFromInline let slot: Slot

    @inlinable
    init(slot: Slot) { self.slot = slot }

    /// The address of the element.
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
