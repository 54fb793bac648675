// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

// Operations for monitoring and controlling a pool.

extension PostgresPool {
    /// The current use of the pool's connections. O(connections).
    public var status: PoolStatus { connections.status }

    /// The state and the statistics of the pool: the waits of callers, the use of connections, the
    /// call site of the oldest lease, and the latest connection failure. O(connections).
    public var snapshot: PoolSnapshot { connections.snapshot }

    /// Starts the connections for `minimumConnections`, without waiting for the first caller.
    /// Returns at once.
    public func prewarm() { connections.prewarm() }

    /// Makes the connections for `minimumConnections`, at least one, and suspends until they are
    /// established, so that a program with a wrong configuration fails at startup.
    ///
    /// - Parameter timeout: The time limit for all of them. Failed attempts are repeated, unless
    ///   their error is permanent.
    /// - Throws: As `withConnection` for a caller that gets no connection.
    public func prewarm(timeout: Duration) async throws {
        do {
            try await connections.prewarm(timeout: timeout)
        } catch {
            throw error.code == .cancelled ? CancellationError() : reason(for: error)
        }
    }

    /// Whether the pool accepts callers. O(1).
    public var state: PoolState { connections.state }

    /// Changes the maximum number of connections at run time.
    ///
    /// Connections above a lower maximum are closed: idle ones now, leased ones when their bodies
    /// end.
    ///
    /// - Parameter maximum: A number from 1 to `largestMaximum` of ``PostgresConfiguration/pool``.
    /// - Throws: `PoolError` with the code `invalidConfiguration` for another number, and for 1
    ///   with `countsNotificationConnection`, which would leave no connection for statements.
    /// - Complexity: O(connections).
    public func resize(to maximum: Int) throws(PoolError) {
        if configuration.countsNotificationConnection, maximum == 1 {
            throw PoolError(
                invalid: "maximumConnections",
                "must be at least 2 with countsNotificationConnection, not 1",
                in: configuration.pool.name
            )
        }
        try connections.resize(to: maximum)
    }

    /// Leases no connection until ``resume()``, for example during a failover. Callers wait in
    /// line until their deadlines. Running bodies continue. A concurrent caller may still receive
    /// a connection.
    public func suspend() { connections.suspend() }

    /// Leases connections again, to the longest-waiting caller first.
    public func resume() { connections.resume() }

    /// Replaces all connections: idle ones are closed now, leased ones when their bodies end. For
    /// changed credentials, or another server behind the same name. O(connections).
    ///
    /// The connection for notifications is replaced at once, with a gap in each subscription.
    public func evictAll() {
        connections.evictAll()
        listener.evict()
    }

    /// Closes the pool. Leased connections are closed when their bodies end.
    ///
    /// Suspends until all connections that are not leased are closed, and every connection attempt
    /// has ended. Waiting and later callers fail, and subscriptions to notifications end. Can be
    /// called repeatedly and concurrently.
    public func close() async {
        listener.end()
        multiplexer?.close()
        await connections.close()
        await attempts.close()
        await listener.waitUntilClosed()
        // An attempt may have made a connection at the last moment.
        await connections.close()
    }
}
