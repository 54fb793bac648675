// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A first-in, first-out collection. Adding an element and removing the first one take constant
/// time on average. Inlined into the database pools, like ``Locked``.
@frozen
@usableFromInline
package struct Fifo<Element> {
    // Those before `start` are `nil`.
    @usableFromInline var elements: [Element?] = []
    @usableFromInline var start = 0

    @inlinable
    package init() {}

    @inlinable
    package var isEmpty: Bool { start == elements.count }
    @inlinable
    package var count: Int { elements.count - start }
    @inlinable
    package var first: Element? { isEmpty ? nil : elements[start] }
    @inlinable
    package var last: Element? { isEmpty ? nil : elements[elements.count - 1] }
    @inlinable
    package var all: [Element] { elements[start...].compactMap(\.self) }

    @inlinable
    package mutating func append(_ element: Element) { elements.append(element) }

    @inlinable
    package mutating func popFirst() -> Element? {
        if isEmpty { return nil }
        let element = elements[start].take()
        start += 1
        if start == elements.count {
            elements.removeAll(keepingCapacity: start <= Fifo.keptCapacity)
            start = 0
        } else if start > Fifo.keptCapacity, start * 2 > elements.count {
            elements.removeSubrange(..<start)
            start = 0
        }
        return element
    }

    /// Changes the first element. The collection must not be empty.
    @inlinable
    package mutating func updateFirst(_ update: (inout Element) -> Void) { update(&elements[start]!) }

    /// Replaces the last element. The collection must not be empty.
    @inlinable
    package mutating func replaceLast(_ element: Element) { elements[elements.count - 1] = element }

    /// Adds elements before the first one. O(`count`).
    @inlinable
    package mutating func prepend(_ others: [Element]) {
        if !others.isEmpty { replace(with: others + all) }
    }

    /// Removes elements. O(`count`).
    @inlinable
    package mutating func removeAll(where predicate: (Element) -> Bool) { replace(with: all.filter { !predicate($0) }) }

    /// Removes and returns all elements.
    @inlinable
    package mutating func takeAll() -> [Element] {
        if isEmpty { return [] }
        defer { self = Fifo() }
        return all
    }

    @inlinable
    mutating func replace(with others: [Element]) {
        elements = others
        start = 0
    }

    /// The number of elements for which an empty collection keeps its memory.
    @inlinable static var keptCapacity: Int { 64 }
}

extension Fifo: Sendable where Element: Sendable {}
