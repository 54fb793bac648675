// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Makes, judges and closes the connections of a ``ConnectionPool``.
///
/// A connection type that is noncopyable cannot leave the body that it is lent to: storing it or returning it does not
/// compile. A class can be used as well, but then nothing but discipline keeps its references inside.
public protocol ConnectionFactory<Connection>: Sendable {
    /// What is pooled.
    associatedtype Connection: ~Copyable & Sendable

    /// Makes a connection.
    ///
    /// Runs in a task of the pool's own, so that a caller that gives up does not end it: its connection goes to somebody
    /// else then. Must not block its thread. Past the pool's `connectTimeout` the task is cancelled and nobody waits for it
    /// any more; a connection that it makes all the same is closed.
    ///
    /// - Throws: Anything; callers that get no connection find it in ``PoolError/underlying``.
    func connect() async throws -> Connection

    /// Judges a connection that has come back, on the thread that gives it back.
    ///
    /// Must not do I/O nor block: look at what is known.
    func inspect(_ connection: borrowing Connection) -> ConnectionHealth

    /// Brings a connection that ``inspect(_:)`` has found in need of it into a state in which the next caller may have it: rolls
    /// back, drains, restores settings.
    ///
    /// Runs in a task of the pool's own, off the way of whoever gave the connection back. Must not block its thread. Past the
    /// pool's `resetTimeout` the task is cancelled, and the connection closed when this has returned.
    ///
    /// - Returns: Whether that worked. If not, the connection is closed.
    func reset(_ connection: borrowing Connection) async -> Bool

    /// Finds out whether a connection still works, by asking the other side.
    ///
    /// Called for connections that nobody has used for a while, in a task of the pool's own, under its `resetTimeout`. Must not
    /// block its thread.
    func ping(_ connection: borrowing Connection) async -> Bool

    /// Closes a connection.
    ///
    /// Runs in a task of the pool's own. The connection's place in the pool is free when this returns, or the pool's
    /// `closeTimeout` is over. Must not block its thread.
    func close(_ connection: consuming Connection) async

    /// Gives the means to end what a holder is doing with a connection, which the pool uses when it shuts down and a lease
    /// does not end in time.
    ///
    /// - Returns: A function that may be called at any time, from any thread, also when the connection is gone; `nil` if there
    ///   are no such means.
    func interruption(of connection: borrowing Connection) -> (@Sendable () -> Void)?

    /// Whether another attempt to connect can do no better: the password is wrong, say. Then callers are told at once.
    func isPermanent(_ error: any Error) -> Bool

    /// What connections are made to, for error messages: the host and port, say, or the path of a file; `nil` if there is no short name.
    /// Never with a password.
    var target: String? { get }
}

extension ConnectionFactory {
    /// For factories whose ``inspect(_:)`` never asks for it: the connection is closed.
    public func reset(_ connection: borrowing Connection) async -> Bool { false }

    /// For connections that cannot break while nobody uses them: it works.
    public func ping(_ connection: borrowing Connection) async -> Bool { true }

    /// There are no such means.
    public func interruption(of connection: borrowing Connection) -> (@Sendable () -> Void)? { nil }

    /// Every failure may pass.
    public func isPermanent(_ error: any Error) -> Bool { false }

    /// There is no short name.
    public var target: String? { nil }
}

/// What is to become of a connection that has come back.
public enum ConnectionHealth: Hashable, Sendable {
    /// The next caller may have it.
    case reusable
    /// The next caller may have it when ``ConnectionFactory/reset(_:)`` has put it in order.
    case needsReset
    /// It is of no use any more: it is closed, and replaced when somebody needs one.
    case broken
    /// The holder wants it closed: it is closed, and replaced on demand.
    case discarded
}
