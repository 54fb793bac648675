// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// Callbacks for the lifecycle events of a pool's connections, as `ConnectionHooks` for other
/// pools.
///
/// Hooks are synchronous, because SQLite runs on a connection's thread. What a hook changes on the
/// connection is restored, as after a body, except by ``afterConnect``.
public struct SQLiteHooks: Sendable {
    /// Called with each new connection, after ``SQLiteConfiguration/setup`` and before a caller
    /// receives it.
    ///
    /// Its settings and temporary tables stay. An error that it throws fails the
    /// connection attempt, with the code `connectFailed` if it is not a ``SQLiteError``. If it
    /// leaves a transaction open, the connection attempt fails with the code
    /// `transactionLeftOpen`.
    public var afterConnect: (@Sendable (borrowing SQLiteConnection) throws -> Void)?

    /// Called with each connection that is about to run a body, and with the connection's state.
    /// If it returns `false`, the pool closes the connection and the caller gets a new one, for
    /// which the hook is called again. A caller whose new connection is also rejected fails with
    /// the code `connectFailed`.
    ///
    /// Writes that share a commit use a connection once.
    public var beforeHandOut: (@Sendable (borrowing SQLiteConnection, ConnectionStatus) -> Bool)?

    /// Called with each connection that a body has used and that the pool can use again, and with
    /// the connection's state. Unless it returns `reusable`, the pool closes the connection and
    /// opens another one on demand.
    public var afterReturn: (@Sendable (borrowing SQLiteConnection, ConnectionStatus) -> ConnectionHealth)?

    /// Creates hooks; by default none.
    public init(
        afterConnect: (@Sendable (borrowing SQLiteConnection) throws -> Void)? = nil,
        beforeHandOut: (@Sendable (borrowing SQLiteConnection, ConnectionStatus) -> Bool)? = nil,
        afterReturn: (@Sendable (borrowing SQLiteConnection, ConnectionStatus) -> ConnectionHealth)? = nil
    ) {
        self.afterConnect = afterConnect
        self.beforeHandOut = beforeHandOut
        self.afterReturn = afterReturn
    }
}
