// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A call whose statement shares a connection with those of other calls.
///
/// The lock of the ``Multiplexer`` guards its state.
final class SharedCall: @unchecked Sendable {
    /// The end of a call.
    enum Outcome: Sendable {
        case done(PostgresResult)
        case failed(any Error)
        /// The statement needs a connection of its own. It was not sent.
        case refused
    }

    /// A suspended task. The code that takes it out of the call resumes it, once.
    @safe
    struct Waiter: Sendable {
        private let continuation: UnsafeContinuation<Outcome, Never>

        init(_ continuation: UnsafeContinuation<Outcome, Never>) { unsafe self.continuation = continuation }

        func resume(_ outcome: Outcome) { unsafe continuation.resume(returning: outcome) }
    }

    let query: PostgresQuery

    /// The time at which the call began, in nanoseconds of the monotonic clock.
    let start: UInt64

    /// The deadline of the call; `never` if it has none.
    let deadline: UInt64

    /// The record of the call for observers of statements.
    let observed: ObservedCall?

    // MARK: With the multiplexer's lock held

    /// The suspended task; `nil` before and after.
    @safe @exclusivity(unchecked) private var waiter: Waiter?

    /// Whether the call has ended, perhaps before its statement.
    @safe @exclusivity(unchecked) private(set) var isOver = false

    /// The index of the lane that the statement is assigned to.
    @safe @exclusivity(unchecked) var lane: Int?

    /// Whether the statement is in flight.
    @safe @exclusivity(unchecked) var isSent = false

    /// The time at which the call ends: until the server begins the statement, as for the wait
    /// for a connection; afterwards, as for the statement.
    @safe @exclusivity(unchecked) var limit: UInt64

    // MARK: Used by the task of the lane

    /// What is known of the statement since it was first sent.
    @safe @exclusivity(unchecked) var attempt = Session.Attempt()

    /// Whether the statement has been executed, and only the types of its rows are not known.
    @safe @exclusivity(unchecked) var isExecuted = false

    /// Whether the statement was assigned to another lane because its connection was lost before
    /// the server began it.
    @safe @exclusivity(unchecked) var hasMoved = false

    init(_ query: PostgresQuery, start: UInt64, deadline: UInt64, waitLimit: UInt64, observed: ObservedCall?) {
        self.query = query
        self.start = start
        self.deadline = deadline
        self.observed = observed
        limit = min(deadline, waitLimit)
    }

    /// Records that the task is suspended.
    func begin(_ waiter: Waiter) { self.waiter = waiter }

    /// Ends the call.
    ///
    /// - Returns: The task to resume; `nil` if the call has ended before, or has not begun.
    func end() -> Waiter? {
        isOver = true
        return waiter.take()
    }
}
