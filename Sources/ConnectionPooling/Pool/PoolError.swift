// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The error of a checkout of a ``ConnectionPool`` that yields no connection.
public struct PoolError: Error, Sendable {
    /// A kind of error. A later version may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// No connection became available before the deadline.
        public static let timedOut = Code(description: "timedOut")

        /// The line already had its largest number of waiters.
        public static let tooManyWaiters = Code(description: "tooManyWaiters")

        /// The task was cancelled while it waited.
        public static let cancelled = Code(description: "cancelled")

        /// The pool was closed before the call or during the wait.
        public static let closed = Code(description: "closed")

        /// Every connection is held by a task that waits for another connection of the same pool,
        /// and the caller is one of these tasks. ``PoolError/holders`` contains the call sites of
        /// the leases.
        public static let deadlock = Code(description: "deadlock")

        /// A connection could not be made; ``PoolError/underlying`` is the cause.
        public static let connectFailed = Code(description: "connectFailed")

        /// A pool cannot be created with this configuration.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
    }

    /// The kind of error.
    public let code: Code

    /// The name of the pool.
    public let pool: String

    /// The use of the pool's slots at the time of the error; `nil` for an invalid configuration.
    public var status: PoolStatus? { report.value.status }

    /// The error of the last connection attempt, if it may be the cause.
    public var underlying: (any Error)? { report.value.underlying }

    /// The pool's state for callers; `nil` for an invalid configuration.
    public var state: PoolState? { report.value.state }

    /// The longest-running operation that the caller may have waited for: a connection attempt,
    /// test, hook, reset or close; `nil` if there was none.
    public var operation: PoolOperation? { report.value.operation }

    /// The duration of the caller's wait; zero if it was refused at once.
    public var waited: Duration { report.value.waited }

    /// The oldest lease at the time of the error.
    public var oldestLease: PoolSnapshot.Lease? { report.value.oldestLease }

    /// All leases if the error is a deadlock; otherwise empty.
    public var holders: [PoolSnapshot.Lease] { report.value.holders }

    private var report: Boxed<Report>

    /// The details of an error.
    private struct Report {
        var detail: String
        var status: PoolStatus?
        var state: PoolState?
        var operation: PoolOperation?
        var waited = Duration.zero
        var oldestLease: PoolSnapshot.Lease?
        var holders: [PoolSnapshot.Lease] = []
        var underlying: (any Error)?
    }

    /// Creates an error, for tests of code that handles errors.
    ///
    /// - Parameters:
    ///   - code: The kind of error.
    ///   - pool: The name of the pool.
    ///   - status: The use of the pool's slots.
    ///   - state: The pool's state for callers.
    ///   - operation: The operation that the pool was waiting for.
    ///   - waited: The duration of the caller's wait.
    ///   - oldestLease: The oldest lease.
    ///   - holders: All leases, for a deadlock.
    ///   - underlying: The error of the last connection attempt.
    public init(
        _ code: Code,
        pool: String,
        status: PoolStatus? = nil,
        state: PoolState? = nil,
        operation: PoolOperation? = nil,
        waited: Duration = .zero,
        oldestLease: PoolSnapshot.Lease? = nil,
        holders: [PoolSnapshot.Lease] = [],
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.pool = pool
        let detail =
            switch code {
            case .timedOut where state == .suspended: "the pool is suspended and was not resumed in time"
            case .timedOut: "no connection became available in time"
            case .tooManyWaiters: "too many callers are waiting"
            case .cancelled: "the task was cancelled while it waited"
            case .closed: "the pool is closed"
            case .deadlock: "every connection is held by a task that waits for another one"
            default: "a connection could not be made"
            }
        report = Boxed(
            Report(
                detail: detail,
                status: status,
                state: state,
                operation: operation,
                waited: waited,
                oldestLease: oldestLease,
                holders: holders,
                underlying: underlying
            )
        )
    }

    /// Creates the error of a call that waited for something else than a connection.
    package init(_ code: Code, pool: String, detail: String, waited: Duration = .zero) {
        self.code = code
        self.pool = pool
        report = Boxed(Report(detail: detail, waited: waited))
    }

    package init(invalid field: String, _ reason: String, in pool: String) {
        code = .invalidConfiguration
        self.pool = pool
        report = Boxed(Report(detail: "\(field) \(reason)"))
    }

    /// Returns the error of an invalid field with the full key of the field.
    func prefixed(by path: String) -> PoolError {
        guard !path.isEmpty else { return self }
        var error = self
        error.report = Boxed(Report(detail: "\(path).\(report.value.detail)"))
        return error
    }
}

extension PoolError: CustomStringConvertible {
    /// A sentence with the error, the pool, its status and the cause.
    public var description: String {
        var text = "Pool “\(pool)”: \(report.value.detail)"
        if let status, code != .closed { text += " (\(status))" }
        if code == .timedOut { text += " after \(waited)" }
        if code == .deadlock, !holders.isEmpty {
            text += "; they were checked out at " + holders.map(\.callSite).joined(separator: ", ")
        } else if let oldestLease, code != .closed {
            text += "; the oldest lease is from \(oldestLease.callSite), \(oldestLease.age) ago"
        }
        if let operation, [.timedOut, .tooManyWaiters, .connectFailed].contains(code), !(underlying is ConnectPending) {
            text += "; \(operation)"
        }
        if let underlying { text += ": \(underlying)" }
        return text + "."
    }
}

/// The use of a pool's slots at one instant.
public struct PoolStatus: Hashable, Sendable, CustomStringConvertible {
    /// The largest number of connections.
    public let maximum: Int

    /// The number of connections that the pool keeps, even if they are idle.
    public let minimum: Int

    /// The number of connections in use.
    public let leased: Int

    /// The number of idle connections.
    public let idle: Int

    /// The number of connections that are being made, tested, reset or closed.
    public let changing: Int

    /// The number of waiters.
    public let waiting: Int

    /// Creates a status, for tests of code that reads it; by default that of a pool without
    /// connections.
    public init(
        maximum: Int = 0,
        minimum: Int = 0,
        leased: Int = 0,
        idle: Int = 0,
        changing: Int = 0,
        waiting: Int = 0
    ) {
        self.maximum = maximum
        self.minimum = minimum
        self.leased = leased
        self.idle = idle
        self.changing = changing
        self.waiting = waiting
    }

    /// The numbers in words.
    public var description: String {
        "\(leased) of \(maximum) connections leased, \(idle) idle, \(changing) opening or closing, \(waiting) waiting"
    }
}
