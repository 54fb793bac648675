// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Makes, inspects and closes the connections of a ``ConnectionPool``.
///
/// A noncopyable connection cannot leave the body that borrows it: the compiler rejects code that
/// stores or returns it. A class also works, but then the compiler does not prevent its
/// references from leaving the body.
public protocol ConnectionFactory<Connection>: Sendable {
    /// The type of the pooled connections.
    associatedtype Connection: ~Copyable & Sendable

    /// Makes a connection.
    ///
    /// Runs in a task of the pool, so cancelling a waiter does not cancel a connection attempt:
    /// another caller receives the connection. After the pool's `connectTimeout`, the task is
    /// cancelled and the pool stops waiting for it. A connection that it still makes is closed.
    /// Must not block its thread.
    ///
    /// - Returns: A connection.
    /// - Throws: Any error. A caller that gets no connection finds it in
    ///   ``PoolError/underlying``.
    func connect() async throws -> Connection

    /// Validates a returned connection, on the thread that returns it.
    ///
    /// Must neither do I/O nor block. It examines state that the connection has in memory.
    ///
    /// - Returns: What the pool does with the connection.
    func inspect(_ connection: borrowing Connection) -> ConnectionHealth

    /// Prepares a connection for its next caller if ``inspect(_:)`` has returned `needsReset`:
    /// rolls back, drains, restores settings.
    ///
    /// Runs in a task of the pool, after the lease has ended. Must not block its thread. After
    /// the pool's `resetTimeout`, the task is cancelled, and the connection is closed when this
    /// method returns.
    ///
    /// - Returns: Whether the reset succeeded. If not, the connection is closed.
    func reset(_ connection: borrowing Connection) async -> Bool

    /// Tests a connection by a request to the server.
    ///
    /// Called for connections that have been idle for some time, in a task of the pool, under its
    /// `resetTimeout`. Must not block its thread.
    ///
    /// - Returns: Whether the connection works. If not, it is closed.
    func ping(_ connection: borrowing Connection) async -> Bool

    /// Closes a connection.
    ///
    /// Runs in a task of the pool. The connection's slot becomes vacant when this method returns,
    /// or after the pool's `closeTimeout`. Must not block its thread.
    func close(_ connection: consuming Connection) async

    /// Returns a function that interrupts the current operation on a connection. A shutdown calls
    /// it for a lease that does not end in time.
    ///
    /// - Returns: A function that is safe to call at any time, from any thread, also after the
    ///   connection is closed; `nil` if the connection cannot be interrupted.
    func interruption(of connection: borrowing Connection) -> (@Sendable () -> Void)?

    /// Whether no further connection attempt can succeed, for example because the password is
    /// wrong. Callers then fail at once.
    func isPermanent(_ error: any Error) -> Bool

    /// The server of the connections, for error messages, such as the host and port, or the path
    /// of a file; `nil` if there is no short name. Must not contain a password.
    var target: String? { get }
}

extension ConnectionFactory {
    /// Returns `false`, so the connection is closed. For factories whose ``inspect(_:)`` never
    /// returns `needsReset`.
    public func reset(_ connection: borrowing Connection) async -> Bool { false }

    /// Returns `true`. For connections that cannot break while they are idle.
    public func ping(_ connection: borrowing Connection) async -> Bool { true }

    /// Returns `nil`: the connection cannot be interrupted.
    public func interruption(of connection: borrowing Connection) -> (@Sendable () -> Void)? { nil }

    /// Returns `false`: every failure may be temporary.
    public func isPermanent(_ error: any Error) -> Bool { false }

    /// `nil`.
    public var target: String? { nil }
}

/// The result of the validation of a returned connection.
public enum ConnectionHealth: Hashable, Sendable {
    /// The next caller may have the connection.
    case reusable
    /// The next caller may have the connection after ``ConnectionFactory/reset(_:)``.
    case needsReset
    /// The connection does not work. The pool closes it, and replaces it on demand.
    case broken
    /// The lease holder has discarded the connection. The pool closes it, and replaces it on
    /// demand.
    case discarded
}
