// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The elements of a subscription in their order.
struct NotificationQueue: SubscriptionContents {
    private var events = Fifo<PostgresNotifications.Event>()

    /// The number of elements that count for the capacity: all but reconnections.
    private var count = 0

    /// The number of elements that were dropped before the first one.
    private var dropped = 0

    /// The latest reconnection before the first element.
    private var reconnection: PostgresError?

    /// Appends an element, and drops the oldest one if there are too many. O(1) on average.
    mutating func append(_ event: PostgresNotifications.Event, capacity: Int) {
        events.append(event)
        count += 1
        if count > capacity { dropFirst() }
    }

    /// Appends a reconnection. Of adjacent ones only the latest remains.
    mutating func appendReconnection(after error: PostgresError) {
        let gap = PostgresNotifications.Event.gap(.reconnected(after: error))
        if case .gap(.reconnected)? = events.last { events.replaceLast(gap) } else { events.append(gap) }
    }

    /// Removes the first element; `nil` if there is none. Gaps before it are elements, too. O(1)
    /// on average.
    mutating func next() -> PostgresNotifications.Event? {
        if let error = reconnection.take() { return .gap(.reconnected(after: error)) }
        if dropped > 0 {
            defer { dropped = 0 }
            return .gap(.overflow(dropped: dropped))
        }
        guard let first = events.popFirst() else { return nil }
        if case .gap(.reconnected) = first { return first }
        count -= 1
        return first
    }

    mutating func removeAll() { self = NotificationQueue() }

    private mutating func dropFirst() {
        while let first = events.popFirst() {
            guard case .gap(.reconnected(let error)) = first else { break }
            reconnection = error
        }
        count -= 1
        dropped += 1
    }
}
