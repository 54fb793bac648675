// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConfiguration {
    /// The use of connections by the calls of a ``PostgresPool`` that run a single statement.
    public enum Multiplexing: Hashable, Sendable {
        /// Each statement leases a connection for itself.
        case off

        /// `query`, `execute` and their relatives share connections: a connection has the
        /// statements of several calls in flight.
        ///
        /// The server runs the statements of a connection one after another, in the order in which
        /// they were sent, each in a transaction of its own. The network is thus used in both
        /// directions all the time, and a few connections do the work of many.
        ///
        /// A statement that may change the session, begin or end a transaction or commit by
        /// itself, a `COPY`, and a statement of a megabyte or more lease a connection as without
        /// multiplexing. So do scripts, streams, transactions and `withConnection`.
        ///
        /// A shared connection is not reset between the statements of different calls, so the
        /// reset policy ``ResetPolicy/always`` cannot be combined with it.
        ///
        /// - Parameter connections: The largest number of shared connections, which are among the
        ///   pool's `maximumConnections`.
        case singleStatements(connections: Int)

        /// The largest number of shared connections; 0 if there are none.
        var connections: Int {
            switch self {
            case .off: 0
            case .singleStatements(let connections): connections
            }
        }
    }
}
