// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The elements of one subscription that its consumer has not read yet.
///
/// Holds a bounded number of notifications. Beyond it the oldest is dropped, and counted by the
/// gap that precedes the rest. Gaps after a reconnection are never dropped: adjacent ones become
/// one.
final class NotificationBuffer: Sendable {
    let channels: Set<NotificationChannel>
    private let capacity: Int
    private let buffer = SubscriptionBuffer(NotificationQueue())

    init(channels: Set<NotificationChannel>, capacity: Int) {
        self.channels = channels
        self.capacity = capacity
    }

    /// Appends the notifications of the subscription's channels. O(notifications).
    func append(_ received: [ReceivedNotification]) {
        buffer.update { queue in
            for one in received where channels.contains(one.channel) { queue.append(one.event, capacity: capacity) }
        }
    }

    /// Appends a gap, because another connection listens now.
    func appendReconnection(after error: PostgresError) { buffer.update { $0.appendReconnection(after: error) } }

    /// Ends the sequence after the elements that it has.
    ///
    /// - Parameter discarding: Whether these are discarded.
    func finish(discarding: Bool) { buffer.finish(discarding: discarding) }

    /// Returns the next element; `nil` at the end, or if the task is cancelled.
    func next(isolation actor: isolated (any Actor)? = #isolation) async -> PostgresNotifications.Event? {
        await buffer.next(isolation: actor)
    }
}
