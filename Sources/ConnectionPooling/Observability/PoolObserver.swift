// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An event in a ``ConnectionPool``.
///
/// A later version may add cases, so a `switch` in another package ends with `@unknown default`.
@nonexhaustive
public enum PoolEvent: Sendable {
    /// A connection was made, and how long that took.
    case connected(after: Duration)
    /// A connection could not be made, for the so-manieth time in a row.
    case connectFailed(any Error, failures: Int)
    /// A connection leaves the pool, and why. The pool closes it, unless the reason is ``ConnectionEnd/detached``.
    case closing(ConnectionEnd)
    /// A caller got a connection after it had waited.
    case waited(Duration)
    /// A caller got none.
    case refused(PoolError)
    /// A connection came back after it had been used for so long. Only for observers that ask for it.
    case used(Duration)
    /// A task waits for a connection at `place` while it holds one that it got at `holding`: with enough of these at a time, each
    /// waits for the others. Once for each place.
    case nested(place: String, holding: String)
    /// A lease has lasted longer than the threshold. `place` is the file and line of the checkout.
    case leaked(place: String, age: Duration)
    /// A lease that was reported has ended after all.
    case recovered(place: String, age: Duration)
    /// The circuit breaker has opened: connects have failed for so long that callers are refused at once. `cause` is the last failure.
    case breakerOpened(cause: (any Error)?)
    /// The circuit breaker has closed, because a connect has succeeded. It was open for so long.
    case breakerClosed(after: Duration)
}

/// Why a connection leaves a ``ConnectionPool``.
///
/// A later version may add cases, so a `switch` in another package ends with `@unknown default`.
@nonexhaustive
public enum ConnectionEnd: Hashable, Sendable, CaseIterable {
    /// It was found broken, or could not be reset.
    case broken
    /// A test of it failed or took too long.
    case failedTest
    /// No caller had used it for too long.
    case idle
    /// It was too old, or used too often.
    case expired
    /// The pool was told to be rid of it.
    case evicted
    /// Its holder asked for that.
    case discarded
    /// Its holder took it out of the pool, open. See ``ConnectionLease/detach()``.
    case detached
    /// The pool was resized to fewer connections.
    case surplus
    /// The pool was closed, or its last reference has gone.
    case closed
}

/// Watches a ``ConnectionPool``: logs, counts, measures.
public protocol PoolObserver: Sendable {
    /// Whether ``PoolEvent/used(_:)`` is wanted, which costs a call for each return.
    ///
    /// ``PoolSnapshot/useTimes`` has the same durations in buckets, at no cost for a return.
    var observesUses: Bool { get }

    /// Handles an event. Called on the thread where it happened, and must not block nor call the pool.
    ///
    /// The event of a return comes after the connection was passed on.
    func observe(_ event: PoolEvent, in pool: String)

    /// Handles a periodic report: about once a second from the first wait on, and when the pool has been closed or dropped.
    ///
    /// Must not block nor call the pool. The differences of successive reports add up to everything that the pool has done.
    ///
    /// - Parameters:
    ///   - snapshot: The pool's figures now, and its counts and histograms since it was made. Without
    ///     ``PoolSnapshot/lastConnectFailure``: the events have the error itself.
    ///   - previous: The snapshot of the report before; an empty one in the first report.
    ///   - pool: The name of the pool.
    func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String)

    /// Handles a periodic report of which the status alone is wanted.
    func observe(_ status: PoolStatus, in pool: String)
}

extension PoolObserver {
    /// Not wanted.
    public var observesUses: Bool { false }

    /// Passes the status on.
    public func observe(_ snapshot: PoolSnapshot, since previous: PoolSnapshot, in pool: String) {
        observe(snapshot.status, in: pool)
    }

    /// Nothing is done with it.
    public func observe(_ status: PoolStatus, in pool: String) {}
}

extension ConnectionPool {
    /// Tells the observers, if there are any.
    func notify(_ event: @autoclosure () -> PoolEvent) {
        if !isObserved { return }
        let event = event()
        for observer in observers { observer.observe(event, in: configuration.name) }
    }
}
