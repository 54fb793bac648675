// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The servers that may answer a read of a ``PostgresCluster``.
public struct PostgresReadPolicy: Hashable, Sendable {
    /// The largest lag of a standby that may answer.
    public enum Lag: Hashable, Sendable {
        /// The bytes of the log that the standby has not replayed.
        case bytes(Int)
        /// The age of the latest position of the primary that the standby is known to have
        /// replayed. It grows to the interval of the probes between two of them, and while the
        /// primary is unreachable.
        case time(Duration)
    }

    /// What happens while no server qualifies.
    public enum Fallback: Hashable, Sendable {
        /// The primary answers.
        case primary
        /// The call waits until a server qualifies, up to its time limit.
        case wait
        /// The call fails.
        case fail
    }

    /// The time for which a read waits until a standby has replayed the position that it needs,
    /// before the fallback. With ``Fallback/wait``, the call fails then, if its time limit is not
    /// the earlier one.
    ///
    /// `nil`, the default, is no time before the fallback to the primary, and the call's time
    /// limit with ``Fallback/wait``.
    public var positionTimeout: Duration?

    enum Servers: Hashable, Sendable { case primary, standbys }

    let servers: Servers

    /// The largest lag; `nil` for any.
    public var maximumLag: Lag?

    /// What happens while no server qualifies.
    public var fallback: Fallback

    /// The primary answers.
    public static let primary = PostgresReadPolicy(servers: .primary, fallback: .wait)

    /// A standby answers; the primary, if none qualifies.
    public static let preferReplica = preferReplica(maximumLag: nil)

    /// A standby within a lag answers; the primary, if none qualifies.
    public static func preferReplica(maximumLag: Lag?) -> PostgresReadPolicy {
        PostgresReadPolicy(servers: .standbys, maximumLag: maximumLag, fallback: .primary)
    }

    /// A standby within a lag answers. The call waits until one qualifies.
    public static func replica(maximumLag: Lag? = nil, fallback: Fallback = .wait) -> PostgresReadPolicy {
        PostgresReadPolicy(servers: .standbys, maximumLag: maximumLag, fallback: fallback)
    }

    private init(servers: Servers, maximumLag: Lag? = nil, fallback: Fallback) {
        self.servers = servers
        self.maximumLag = maximumLag
        self.fallback = fallback
    }
}
