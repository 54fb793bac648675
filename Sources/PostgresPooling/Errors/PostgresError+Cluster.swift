// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresError {
    /// A server of a ``PostgresCluster`` that did not qualify for a call.
    public struct UnqualifiedServer: Hashable, Sendable, CustomStringConvertible {
        /// The reason why a server does not qualify. Later versions may add more.
        @nonexhaustive
        public enum Reason: String, Hashable, Sendable {
            /// The server does not answer.
            case unreachable
            /// The call needs a server of another role.
            case role
            /// The standby follows a primary that has been replaced.
            case oldTimeline
            /// The standby may not tell which primary it follows: its role lacks the rights of
            /// `pg_monitor`.
            case unknownTimeline
            /// The standby is further behind than `maximumLag` allows.
            case lag
            /// The standby has not replayed the position that the read needs.
            case position
            /// The server has failed reads, and receives none for a while.
            case paused
            /// A switch-over holds the writes.
            case held
        }

        /// The host and the port.
        public let name: String

        /// The use of the server.
        public let role: PostgresCluster.ServerStatus.Role

        /// The reason why the server does not qualify.
        public let reason: Reason

        /// What the server is known to have replayed, or the end of the primary's log.
        public let position: PostgresLSN?

        /// The number of bytes behind the latest known position of the primary.
        public let lagBytes: Int?

        /// The time for which the standby may lack a change of the primary.
        public let lag: Duration?

        /// The error of the latest probe; `nil` if the server has answered it.
        public let failure: String?

        /// The server and the reason in words.
        public var description: String {
            let text =
                switch reason {
                case .unreachable: failure.map { "does not answer: \($0)" } ?? "does not answer"
                case .role: "is \(roleText)"
                case .oldTimeline: "follows an old primary"
                case .unknownTimeline: "may not tell which primary it follows"
                case .lag: "is too far behind"
                case .position: "has not replayed the position"
                case .paused: "has failed reads"
                case .held: "is held by a switch-over"
                }
            let lag = [lagBytes.map { "\($0) bytes" }, lag.map { "\($0)" }].compactMap(\.self)
            guard role == .standby, !lag.isEmpty else { return "\(name) \(text)" }
            return "\(name) \(text) (\(lag.joined(separator: ", ")) behind)"
        }

        private var roleText: String {
            switch role {
            case .primary: "the primary"
            case .standby: "a standby"
            case .stalePrimary: "an old primary"
            case .stranger: "a server of another cluster"
            case .unknown: "unknown"
            }
        }
    }

    /// Returns the error of a call for which no server of a cluster qualified.
    static func noServer(for call: String, _ servers: [UnqualifiedServer]) -> PostgresError {
        let reasons = servers.isEmpty ? "none is known" : servers.map(\.description).joined(separator: "; ")
        return PostgresError(
            .noServer,
            "no server of the cluster qualified for \(call): \(reasons)",
            servers: servers,
            isUnreached: true
        )
    }
}
