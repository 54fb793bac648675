// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A vacant slot that its holder fills, from ``LockPool/tryReserve()``.
///
/// A reservation that ends unfulfilled is abandoned. It does not keep the pool alive.
@frozen
public struct Reservation<Element: ~Copyable>: ~Copyable, Sendable {
    @usableFromInline let slot: Slot

    @inlinable
    init(slot: Slot) { self.slot = slot }

    deinit { slot.becomeVacant() }
}

extension Reservation where Element: ~Copyable {
    /// The index of the slot.
    package var index: Int { slot.index }

    /// Puts `element` into the slot as if it were returned: the oldest waiter receives it, or it
    /// becomes idle.
    ///
    /// If the pool has been closed or dropped, or the slot retired, the element is destroyed.
    @inlinable
    public consuming func fulfill(_ element: consuming sending Element) {
        let slot = self.slot
        discard self
        unsafe slot.element(Element.self).initialize(to: element)
        slot.publish()
    }

    /// Makes the slot vacant again.
    @inlinable
    public consuming func abandon() {}

    /// Puts `element` into the slot and leases it.
    package consuming func lease(_ element: consuming sending Element) -> LockGuard<Element> {
        let slot = self.slot
        discard self
        unsafe slot.element(Element.self).initialize(to: element)
        slot.core.leaseReserved(slot)
        return LockGuard(slot: slot)
    }
}

extension Slot {
    @usableFromInline
    func publish() { core.fulfill(self) }
}
