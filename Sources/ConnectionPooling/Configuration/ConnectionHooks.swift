// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Callbacks for the lifecycle events of a pool's connections.
///
/// Hooks run in tasks of the pool's own and can suspend. They must not block their threads.
public struct ConnectionHooks<Connection: ~Copyable & Sendable>: Sendable {
    /// Called with each new connection, before any caller has it.
    ///
    /// It is part of the connect: it runs under `connectTimeout`, and an error that it throws is a failure of the connect.
    public var afterConnect: (@Sendable (borrowing Connection) async throws -> Void)?

    /// Called with each connection that a caller is about to get, and the connection's state. If it returns `false`, the pool closes the
    /// connection and the caller gets another one.
    ///
    /// It runs under `resetTimeout`, while the caller waits under its own deadline; one that takes longer counts as `false`. Where it
    /// refuses a connection that has not been used yet, the caller waits as after a failed connect before the next attempt. The error of a
    /// caller that gets no connection then has a ``HandOutRefused`` as ``PoolError/underlying``. A pool with this hook gives no
    /// connection by `tryGet`, which does not suspend.
    public var beforeHandOut: (@Sendable (borrowing Connection, ConnectionStatus) async -> Bool)?

    /// Called with each returned connection that the factory has found reusable, and the connection's state. The result says what the
    /// pool does with the connection.
    ///
    /// It runs under `resetTimeout`, together with the reset that it asks for, after the caller has gone on; a connection whose hook takes
    /// longer is closed.
    public var afterReturn: (@Sendable (borrowing Connection, ConnectionStatus) async -> ConnectionHealth)?

    /// Hooks; by default none.
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

/// The age and the use of a connection, for hooks.
public struct ConnectionStatus: Hashable, Sendable {
    /// The time since the connection was made.
    public let age: Duration

    /// The time since the connection was last used, or made; a test is no use.
    public let idleTime: Duration

    /// The number of times that a caller has returned the connection.
    public let uses: Int

    /// A state, for tests of hooks.
    public init(age: Duration, idleTime: Duration, uses: Int) {
        self.age = age
        self.idleTime = idleTime
        self.uses = uses
    }
}
