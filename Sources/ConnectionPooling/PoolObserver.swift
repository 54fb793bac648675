// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What happens in a ``ConnectionPool``, for whoever watches it. More may come with a later version.
public enum PoolEvent: Sendable {
    /// A connection was made, and how long that took.
    case connected(after: Duration)
    /// A connection could not be made, for the so-manieth time in a row.
    case connectFailed(any Error, failures: Int)
    /// A connection is being closed, and why.
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
}

/// Why a connection of a ``ConnectionPool`` is closed.
public enum ConnectionEnd: Hashable, Sendable {
    /// It was found broken, or could not be reset.
    case broken
    /// A test of it failed or took too long.
    case failedTest
    /// Nobody had used it for too long.
    case idle
    /// It was too old, or used too often.
    case expired
    /// The pool was told to be rid of it.
    case evicted
}

/// Watches a ``ConnectionPool``: logs, counts, measures.
public protocol PoolObserver: Sendable {
    /// Whether ``PoolEvent/used(_:)`` is wanted, which costs a call for each return.
    var observesUses: Bool { get }

    /// Something has happened. Called on the thread where it did, and must not block nor call the pool.
    func observe(_ event: PoolEvent, in pool: String)

    /// Called about once a second from the first checkout on, and when the pool has been closed, with how the pool stands.
    func observe(_ status: PoolStatus, in pool: String)
}

extension PoolObserver {
    /// Not wanted.
    public var observesUses: Bool { false }

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
