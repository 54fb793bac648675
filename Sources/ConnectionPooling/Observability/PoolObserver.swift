// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An event in a ``ConnectionPool``.
///
/// A later version may add cases, so a `switch` in another package ends with `@unknown default`.
@nonexhaustive
public enum PoolEvent: Sendable {
    /// A connection was made, after this duration.
    case connected(after: Duration)
    /// A connection attempt failed. `failures` counts the failures in a row.
    case connectFailed(any Error, failures: Int)
    /// A connection leaves the pool for this reason. The pool closes it, unless the reason is
    /// ``ConnectionEnd/detached``.
    case closing(ConnectionEnd)
    /// A caller received a connection after a wait.
    case waited(Duration)
    /// A caller received no connection.
    case refused(PoolError)
    /// A connection was returned after a use of this duration. Only for observers that request
    /// it.
    case used(Duration)
    /// A task waits for a connection at `callSite` while it holds one that it checked out at
    /// `holding`. Enough of these at the same time deadlock. Reported once for each call site.
    case nested(callSite: String, holding: String)
    /// A lease has lasted longer than the threshold. `callSite` is the file and line of the
    /// checkout.
    case leaked(callSite: String, age: Duration)
    /// A lease that was reported as too long has ended.
    case recovered(callSite: String, age: Duration)
    /// The circuit breaker has opened: connection attempts have failed for so long that callers
    /// are refused at once. `cause` is the last failure.
    case breakerOpened(cause: (any Error)?)
    /// The circuit breaker has closed, because a connection attempt has succeeded. It was open
    /// for this duration.
    case breakerClosed(after: Duration)
}

/// The reason for which a connection leaves a ``ConnectionPool``.
///
/// A later version may add cases, so a `switch` in another package ends with `@unknown default`.
@nonexhaustive
public enum ConnectionEnd: Hashable, Sendable, CaseIterable {
    /// The connection was found broken, or could not be reset.
    case broken
    /// A test of the connection failed or took too long.
    case failedTest
    /// The connection was idle for too long.
    case idle
    /// The connection was too old, or had too many uses.
    case expired
    /// The connection was evicted, by ``ConnectionPool/evictAll()``.
    case evicted
    /// The lease holder discarded the connection.
    case discarded
    /// The lease holder took the connection out of the pool, open. See
    /// ``ConnectionLease/detach()``.
    case detached
    /// The pool was resized to fewer connections.
    case surplus
    /// The pool was closed, or its last reference has ended.
    case closed
}

/// An observer of a ``ConnectionPool`` that logs, counts or measures.
public protocol PoolObserver: Sendable {
    /// Whether the observer requests ``PoolEvent/used(_:)``, which costs a call for each return.
    ///
    /// ``PoolSnapshot/useTimes`` has the same durations in buckets, at no cost for a return.
    var observesUses: Bool { get }

    /// Handles an event. Called on the thread of the event. Must neither block nor call the pool.
    ///
    /// The event of a return comes after the connection has been passed on.
    func observe(_ event: PoolEvent, in pool: String)

    /// Handles a periodic report: about once a second from the first wait on, and when the pool
    /// has been closed or dropped.
    ///
    /// Must neither block nor call the pool. The differences of successive reports add up to all
    /// events of the pool.
    ///
    /// - Parameters:
    ///   - snapshot: The current state of the pool, and its counts and histograms since its
    ///     creation. Without ``PoolSnapshot/lastConnectFailure``: the events contain the error
    ///     itself.
    ///   - previous: The snapshot of the previous report; an empty one in the first report.
    ///   - pool: The name of the pool.
    func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String)

    /// Handles the status of a periodic report.
    func observe(_ status: PoolStatus, in pool: String)
}

extension PoolObserver {
    /// `false`.
    public var observesUses: Bool { false }

    /// Passes the status to the method that receives only that.
    public func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String) {
        observe(snapshot.status, in: pool)
    }

    /// Does nothing.
    public func observe(_ status: PoolStatus, in pool: String) {}
}

extension ConnectionPool {
    /// Notifies the observers, if there are any.
    func notify(_ event: @autoclosure () -> PoolEvent) {
        if !isObserved { return }
        let event = event()
        for observer in observers { observer.observe(event, in: configuration.name) }
    }
}
