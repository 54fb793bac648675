// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A first-in, first-out collection. Adding an element and removing the first one take constant
/// time on average.
struct Fifo<Element> {
    // Those before `start` are `nil`.
    private var elements: [Element?] = []
    private var start = 0

    var isEmpty: Bool { start == elements.count }
    var count: Int { elements.count - start }
    var first: Element? { isEmpty ? nil : elements[start] }
    var last: Element? { isEmpty ? nil : elements[elements.count - 1] }
    var all: [Element] { elements[start...].compactMap(\.self) }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
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
    mutating func updateFirst(_ update: (inout Element) -> Void) { update(&elements[start]!) }

    /// Replaces the last element. The collection must not be empty.
    mutating func replaceLast(_ element: Element) { elements[elements.count - 1] = element }

    /// Adds elements before the first one. O(`count`).
    mutating func prepend(_ others: [Element]) {
        if !others.isEmpty { replace(with: others + all) }
    }

    /// Removes elements. O(`count`).
    mutating func removeAll(where predicate: (Element) -> Bool) { replace(with: all.filter { !predicate($0) }) }

    /// Removes and returns all elements.
    mutating func takeAll() -> [Element] {
        if isEmpty { return [] }
        defer { self = Fifo() }
        return all
    }

    private mutating func replace(with others: [Element]) {
        elements = others
        start = 0
    }

    /// The number of elements for which an empty collection keeps its memory.
    private static var keptCapacity: Int { 64 }
}
