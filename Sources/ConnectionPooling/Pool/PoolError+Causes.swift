// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The pool's own causes of an error. A caller finds them in `PoolError.underlying`.

extension PoolError {
    /// A connection attempt took longer than `connectTimeout`.
    public struct ConnectTimedOut: Error, Hashable, CustomStringConvertible {
        /// The time limit of the attempt.
        public let timeout: Duration

        /// A sentence with the time limit.
        public var description: String { "the connection attempt took longer than \(timeout)" }
    }

    /// A connection attempt has run for longer than callers wait for the first answer of the
    /// server.
    public struct ConnectPending: Error, Hashable, CustomStringConvertible {
        /// The attempt.
        public let operation: PoolOperation

        /// The server of the attempt, and how long the attempt has been running.
        public var description: String { "\(operation)" }
    }

    /// The hook ``ConnectionHooks/beforeHandOut`` has rejected new connections.
    public struct HandOutRefused: Error, Hashable, CustomStringConvertible {
        /// The number of new connections that the hook has rejected in a row.
        public let refusals: Int

        /// A sentence with the number of rejections.
        public var description: String {
            "the hook beforeHandOut has rejected \(refusals) new connection\(refusals == 1 ? "" : "s") in a row"
        }
    }
}
