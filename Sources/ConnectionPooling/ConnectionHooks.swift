// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a program does with the connections of a ``ConnectionPool`` at the turns of their lives.
public struct ConnectionHooks<Connection: ~Copyable & Sendable>: Sendable {
    /// Called with each new connection, before anybody has it. Part of the connect: under its timeout, and a failure of it.
    public var afterConnect: (@Sendable (borrowing Connection) async throws -> Void)?

    /// Called with a connection that a caller is about to have, on the caller's thread; `false` closes it, and the caller gets
    /// another. Must not block; for I/O there is ``ConnectionFactory/ping(_:)``.
    public var beforeHandOut: (@Sendable (borrowing Connection) -> Bool)?

    /// Called with a connection that has come back and that the factory found reusable, on the thread that gives it back. Must
    /// not block; for I/O there is ``ConnectionFactory/reset(_:)``.
    public var afterReturn: (@Sendable (borrowing Connection) -> ConnectionHealth)?

    /// Hooks; by default none.
    public init(
        afterConnect: (@Sendable (borrowing Connection) async throws -> Void)? = nil,
        beforeHandOut: (@Sendable (borrowing Connection) -> Bool)? = nil,
        afterReturn: (@Sendable (borrowing Connection) -> ConnectionHealth)? = nil
    ) {
        self.afterConnect = afterConnect
        self.beforeHandOut = beforeHandOut
        self.afterReturn = afterReturn
    }
}
