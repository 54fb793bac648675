// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

// What whoever runs a service does with its pool.

extension PostgresPool {
    /// How the pool's places are used now. O(connections).
    public var status: PoolStatus { connections.status }

    /// How the pool stands, and what it has done so far: how long callers waited, how long connections were used, where the oldest
    /// lease is from, and why the last connect failed. O(connections).
    public var snapshot: PoolSnapshot { connections.snapshot }

    /// Makes the connections that `minimumConnections` asks for, without waiting for the first caller. Returns at once.
    public func prewarm() { connections.prewarm() }

    /// Makes the connections that `minimumConnections` asks for, at least one, and suspends until they are there: so that a program with a
    /// wrong configuration fails at its start.
    ///
    /// - Parameter timeout: How long to wait for all of them. A failed attempt is repeated meanwhile, unless another can do no better.
    /// - Throws: As `withConnection` for a caller that gets no connection.
    public func prewarm(timeout: Duration) async throws {
        do {
            try await connections.prewarm(timeout: timeout)
        } catch {
            throw error.code == .cancelled ? CancellationError() : reason(for: error)
        }
    }

    /// What the pool does with callers now. O(1).
    public var state: PoolState { connections.state }

    /// Changes how many connections there may be, at run time.
    ///
    /// Connections above a lower maximum are closed: idle ones now, those in use when their bodies have ended.
    ///
    /// - Parameter maximum: From 1 to `largestMaximum` of ``PostgresConfiguration/pool``.
    /// - Throws: `PoolError` with the code `invalidConfiguration` for another number.
    /// - Complexity: O(connections).
    public func resize(to maximum: Int) throws(PoolError) { try connections.resize(to: maximum) }

    /// Lends no connection until ``resume()``: for the time of a failover, say. Callers wait in line, under their deadlines. Bodies
    /// that run go on. A caller that this overtakes may still be served.
    public func suspend() { connections.suspend() }

    /// Lends connections again: to who has waited longest first.
    public func resume() { connections.resume() }

    /// Replaces all connections: idle ones are closed now, those in use when their bodies have ended. For credentials that have
    /// changed, or another server behind the same name. O(connections).
    public func evictAll() { connections.evictAll() }

    /// Closes the connections; those that are in use when their bodies have ended.
    ///
    /// Suspends until all are closed that were not in use, and every connection attempt has ended. Calls that wait for a connection, and
    /// later ones, fail. Safe to call again, and from several tasks at once.
    public func close() async {
        await connections.close()
        await attempts.close()
        // A connection that an attempt has made in the last moment.
        await connections.close()
    }
}
