// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Callbacks for the lifecycle events of a pool's connections.
///
/// Hooks run in tasks of the pool and may suspend. They must not block their threads.
public struct ConnectionHooks<Connection: ~Copyable & Sendable>: Sendable {
    /// Called with each new connection, before a caller receives it.
    ///
    /// The hook is part of the connection attempt: it runs under `connectTimeout`, and an error
    /// that it throws fails the attempt.
    public var afterConnect: (@Sendable (borrowing Connection) async throws -> Void)?

    /// Called with each connection that a caller is about to receive, and with the connection's
    /// state. If it returns `false`, the pool closes the connection and the caller gets another
    /// one.
    ///
    /// The hook runs under `resetTimeout`, while the caller waits under its own deadline. A hook
    /// that takes longer counts as `false`. If it rejects an unused connection, the caller waits
    /// before the next attempt as after a failed connection attempt. A caller that then gets no
    /// connection receives a ``PoolError/HandOutRefused`` as ``PoolError/underlying``. In a pool
    /// with this hook `tryGet` always returns `nil`, because it cannot suspend.
    public var beforeHandOut: (@Sendable (borrowing Connection, ConnectionStatus) async -> Bool)?

    /// Called with each returned connection that the factory has found reusable, and with the
    /// connection's state. The pool applies the result to the connection.
    ///
    /// The hook runs under `resetTimeout`, together with the reset that it requests, after the
    /// lease has ended. A connection whose hook takes longer is closed.
    public var afterReturn: (@Sendable (borrowing Connection, ConnectionStatus) async -> ConnectionHealth)?

    /// Creates hooks; by default none.
    public init(
        afterConnect: (@Sendable (borrowing Connection) async throws -> Void)? = nil,
        beforeHandOut: (@Sendable (borrowing Connection, ConnectionStatus) async -> Bool)? = nil,
        afterReturn: (@Sendable (borrowing Connection, ConnectionStatus) async -> ConnectionHealth)? = nil
    ) {
        self.afterConnect = afterConnect
        self.beforeHandOut = beforeHandOut
        self.afterReturn = afterReturn
    }
}

/// The age and use of a connection, for hooks.
public struct ConnectionStatus: Hashable, Sendable {
    /// The time since the connection was made.
    public let age: Duration

    /// The time since the connection was last used, or else made. A test is not a use.
    public let idleTime: Duration

    /// The number of leases that have ended.
    public let uses: Int

    /// Creates a status, for tests of hooks.
    public init(age: Duration, idleTime: Duration, uses: Int) {
        self.age = age
        self.idleTime = idleTime
        self.uses = uses
    }
}
