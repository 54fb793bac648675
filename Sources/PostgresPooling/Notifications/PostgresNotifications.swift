// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A subscription to notifications, from `notifications(on:)` of a ``PostgresPool``.
///
/// ```swift
/// for await event in try await pool.notifications(on: "orders") {
///     switch event {
///     case .notification(let notification): await load(notification.payload)
///     case .gap: await loadAll()
///     }
/// }
/// ```
///
/// The sequence does not end when the connection is lost: the pool reconnects, and the sequence
/// continues with a ``PostgresNotifications/Event/gap(_:)``. It ends when the pool is closed or
/// released, after ``cancel()``, and for a cancelled task.
///
/// Elements are buffered from the subscription on, also while no iteration runs. Copies and
/// iterators share the buffer, so each element is returned once; subscribe again for another
/// consumer. The subscription ends when the last copy and the last iterator are released.
public struct PostgresNotifications: AsyncSequence, Sendable {
    /// A notification, or a gap.
    public typealias Element = Event
    /// An iteration throws no error.
    public typealias Failure = Never

    private let subscription: NotificationSubscription

    init(_ subscription: NotificationSubscription) { self.subscription = subscription }

    /// Returns an iterator over the elements that no other iterator has returned.
    public func makeAsyncIterator() -> Iterator { Iterator(subscription) }

    /// Ends the subscription. Elements that are buffered are discarded, and each iteration ends.
    ///
    /// Returns at once. The last subscription of a channel ends the pool's `LISTEN`; the last one
    /// of a pool closes the connection for notifications.
    public func cancel() { subscription.cancel() }

    /// An iterator over notifications and gaps.
    public struct Iterator: AsyncIteratorProtocol {
        private let subscription: NotificationSubscription

        init(_ subscription: NotificationSubscription) { self.subscription = subscription }

        /// Returns the next element; `nil` after the end of the subscription or of the pool, and
        /// if the task is cancelled.
        ///
        /// Suspends until there is an element. An element that arrives as the task is cancelled
        /// stays in the buffer.
        public mutating func next() async -> Event? { await subscription.buffer.next() }

        /// Returns the next element. The same as ``next()``, for actor-isolated code.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Event? {
            await subscription.buffer.next(isolation: actor)
        }
    }
}

/// The shared owner of a subscription, which ends with it.
final class NotificationSubscription: Sendable {
    let buffer: NotificationBuffer
    private let listener: NotificationListener

    init(_ buffer: NotificationBuffer, _ listener: NotificationListener) {
        self.buffer = buffer
        self.listener = listener
    }

    deinit { cancel() }

    func cancel() {
        listener.remove(buffer)
        buffer.finish(discarding: true)
    }
}
