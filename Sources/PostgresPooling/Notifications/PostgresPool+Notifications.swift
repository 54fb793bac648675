// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// LISTEN and NOTIFY.

extension PostgresPool {
    /// Subscribes to notifications of `NOTIFY` on channels.
    ///
    /// Returns when the server listens: notifications of transactions that commit afterwards are
    /// elements of the sequence, in the order of their commits, unless a
    /// ``PostgresNotifications/Event/gap(_:)`` stands in their place.
    ///
    /// All subscriptions of a pool share one connection, which the first one makes and the last
    /// one closes. It is not one of the pool's `maximumConnections`, unless
    /// ``PostgresConfiguration/countsNotificationConnection`` is set. The
    /// ``PostgresConfiguration/setup`` runs on it; the pool's hooks are not called. After
    /// `keepAliveInterval` without a notification it is tested. If it is lost, the pool makes
    /// another one, with the pauses of `initialBackoff` and `maximumBackoff`, until it succeeds.
    ///
    /// - Parameters:
    ///   - channels: The names of the channels, of 1 to 63 bytes. They are case-sensitive, as
    ///     quoted names are.
    ///   - bufferingNewest: The number of notifications that are kept for the consumer, at least
    ///     1. Beyond it the oldest is dropped, and counted by a gap.
    ///   - timeout: The time limit for the connection and `LISTEN`; by default the
    ///     configuration's `checkoutTimeout`.
    /// - Returns: The notifications and gaps.
    /// - Throws: `CancellationError` if the task was cancelled first; ``PostgresError`` with the
    ///   code `encoding` if a name is invalid, `unsupported` if a pooler is in front of the
    ///   server, `invalidConfiguration` if there is no channel or no buffer, or as for a
    ///   connection that cannot be made; `PoolError` if the pool is closed or the time has passed.
    public func notifications(
        on channels: String...,
        bufferingNewest: Int = 10_000,
        timeout: Duration? = nil
    ) async throws -> PostgresNotifications {
        try await notifications(on: channels, bufferingNewest: bufferingNewest, timeout: timeout)
    }

    /// Subscribes to notifications of `NOTIFY` on channels. The same as with a list of arguments.
    ///
    /// - Parameters:
    ///   - channels: The names of the channels, of 1 to 63 bytes.
    ///   - bufferingNewest: The number of notifications that are kept for the consumer.
    ///   - timeout: The time limit for the connection and `LISTEN`; by default the
    ///     configuration's `checkoutTimeout`.
    /// - Returns: The notifications and gaps.
    /// - Throws: As with a list of arguments.
    public func notifications(
        on channels: [String],
        bufferingNewest: Int = 10_000,
        timeout: Duration? = nil
    ) async throws -> PostgresNotifications {
        var names: Set<NotificationChannel> = []
        for channel in channels { names.insert(try NotificationChannel(validating: channel)) }
        if names.isEmpty { throw PostgresError(.invalidConfiguration, "there is no channel to listen to") }
        if bufferingNewest < 1 { throw PostgresError(.invalidConfiguration, "bufferingNewest must be at least 1") }
        let subscription = try await listener.subscribe(
            to: names,
            capacity: bufferingNewest,
            timeout: timeout ?? configuration.pool.checkoutTimeout
        )
        return PostgresNotifications(subscription)
    }

    /// The state of the connection for notifications. O(1).
    public var notificationStatus: PostgresNotifications.Status {
        listener.state.withLock { state in
            PostgresNotifications.Status(
                subscriptions: state.subscribers.count,
                channels: state.active.count,
                reconnections: state.reconnections
            )
        }
    }

    /// Sends a notification to all sessions that listen on a channel, in a transaction of its own.
    ///
    /// Suspends like ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - channel: The name of the channel, of 1 to 63 bytes; case-sensitive.
    ///   - payload: A text of fewer than 8,000 bytes.
    ///   - timeout: As in ``query(_:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Throws: As ``query(_:timeout:file:line:)``; ``PostgresError`` with the code `encoding` if
    ///   the name is invalid, or the server's error if the payload is too long.
    public func notify(
        _ channel: String,
        payload: String = "",
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        try await execute(.notify(channel, payload), timeout: timeout, file: file, line: line)
    }
}

extension PostgresConnection {
    /// Sends a notification to all sessions that listen on a channel. Within a transaction, the
    /// server sends it when the transaction commits, and equal ones of a transaction once.
    ///
    /// - Parameters:
    ///   - channel: The name of the channel, of 1 to 63 bytes; case-sensitive.
    ///   - payload: A text of fewer than 8,000 bytes.
    ///   - timeout: As in ``query(_:timeout:)``.
    /// - Throws: As ``query(_:timeout:)``; ``PostgresError`` with the code `encoding` if the name
    ///   is invalid, or the server's error if the payload is too long.
    public func notify(_ channel: String, payload: String = "", timeout: Duration? = nil) async throws {
        try await execute(.notify(channel, payload), timeout: timeout)
    }
}

extension PostgresQuery {
    fileprivate static func notify(_ channel: String, _ payload: String) throws(PostgresError) -> PostgresQuery {
        let channel = try NotificationChannel(validating: channel)
        return "SELECT pg_catalog.pg_notify(\(channel.name), \(payload))"
    }
}

extension PostgresNotifications {
    /// The state of a pool's connection for notifications.
    public struct Status: Hashable, Sendable {
        /// The number of subscriptions, including those that wait for the connection.
        public let subscriptions: Int

        /// The number of channels on which the connection listens; 0 if there is no connection.
        public let channels: Int

        /// The number of times that another connection has replaced one that was lost.
        public let reconnections: Int
    }
}
