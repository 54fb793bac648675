// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A message of `NOTIFY`.
public struct PostgresNotification: Hashable, Sendable {
    /// The channel.
    public let channel: String

    /// The text that the sender has passed; empty if it has passed none.
    public let payload: String

    /// The identifier of the server's process for the sender's connection, as
    /// ``PostgresConnection/serverProcess``.
    public let serverProcess: Int32

    /// Creates a notification, for tests of code that receives them.
    ///
    /// - Parameters:
    ///   - channel: The channel.
    ///   - payload: The text.
    ///   - serverProcess: The server's process for the sender's connection.
    public init(channel: String, payload: String = "", serverProcess: Int32 = 0) {
        self.channel = channel
        self.payload = payload
        self.serverProcess = serverProcess
    }
}

extension PostgresNotifications {
    /// An element of ``PostgresNotifications``.
    public enum Event: Sendable {
        /// A notification has arrived.
        case notification(PostgresNotification)

        /// Notifications may have been missed at this point of the sequence. Later ones are
        /// complete until the next gap, so the program now reads from its tables what they would
        /// have told.
        case gap(Gap)
    }
}

extension PostgresNotifications {
    /// The reason for which notifications may be missing from ``PostgresNotifications``.
    ///
    /// A later version may add cases, so a `switch` in another package ends with `@unknown
    /// default`.
    @nonexhaustive
    public enum Gap: Sendable {
        /// The connection was lost, and another one listens now. The server does not keep
        /// notifications for a session that has ended. The error is the reason for the loss.
        case reconnected(after: PostgresError)

        /// The sequence was read too slowly: its buffer was full, and this number of its oldest
        /// notifications was dropped.
        case overflow(dropped: Int)

        /// A notification of this channel has a payload that is not UTF-8, which only databases
        /// with the encoding `SQL_ASCII` allow.
        case undecodable(channel: String)
    }
}
