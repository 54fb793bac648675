// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Why a ``ConnectionPool`` gave no connection.
public struct PoolError: Error, Sendable {
    /// The kinds of reason. More may come with a later version.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        /// No connection came before the deadline.
        public static let timedOut = Code(description: "timedOut")

        /// As many callers waited as the pool's bound allows, so this one was refused at once.
        public static let tooManyWaiters = Code(description: "tooManyWaiters")

        /// The task was cancelled while it waited.
        public static let cancelled = Code(description: "cancelled")

        /// The pool was closed, before the call or while the caller waited.
        public static let closed = Code(description: "closed")

        /// Every connection is held by a task that waits for another one of the same pool, and so did this; it was refused at once.
        /// ``PoolError/holders`` says where they were checked out.
        public static let deadlock = Code(description: "deadlock")

        /// A connection could not be made; ``PoolError/underlying`` says why.
        public static let connectFailed = Code(description: "connectFailed")

        /// A pool cannot be made with this configuration.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
    }

    /// What kind of reason it is.
    public let code: Code

    /// The name of the pool.
    public let pool: String

    /// How the pool's places were used when the error was made; `nil` for an invalid configuration.
    public var status: PoolStatus? { report.value.status }

    /// Why the last connection could not be made, where that may be the reason.
    public var underlying: (any Error)? { report.value.underlying }

    /// Whether the pool accepted callers, was suspended or shut down; `nil` for an invalid configuration.
    public var state: PoolState? { report.value.state }

    /// Of the connection attempts, tests, resets and closes that the caller may have waited for, the one that had been running for
    /// longest; `nil` if none was.
    public var operation: PoolOperation? { report.value.operation }

    /// How long the caller had waited; zero if it was refused at once.
    public var waited: Duration { report.value.waited }

    /// The lease that had been out for longest.
    public var oldestLease: PoolSnapshot.Lease? { report.value.oldestLease }

    /// In a deadlock, all leases; else empty.
    public var holders: [PoolSnapshot.Lease] { report.value.holders }

    private let report: Boxed<Report>

    /// All but what tells errors apart.
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

    /// An error, for tests of code that handles errors.
    ///
    /// - Parameters:
    ///   - code: What kind of reason it is.
    ///   - pool: The name of the pool.
    ///   - status: How the pool's places were used.
    ///   - state: Whether the pool was in service.
    ///   - operation: What the pool was waiting for.
    ///   - waited: How long the caller had waited.
    ///   - oldestLease: The lease that had been out for longest.
    ///   - holders: In a deadlock, all leases.
    ///   - underlying: Why the last connection could not be made.
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
            case .timedOut where state == .suspended: "the pool is suspended, and was not resumed in time"
            case .timedOut: "no connection came free in time"
            case .tooManyWaiters: "too many callers wait already"
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

    init(invalid field: String, _ reason: String, in pool: String) {
        code = .invalidConfiguration
        self.pool = pool
        report = Boxed(Report(detail: "\(field) \(reason)"))
    }
}

extension PoolError: CustomStringConvertible {
    /// What happened, in which pool, in what state that was, and what was behind it.
    public var description: String {
        var text = "Pool “\(pool)”: \(report.value.detail)"
        if let status, code != .closed { text += " (\(status))" }
        if code == .timedOut { text += " after \(waited)" }
        if code == .deadlock {
            text += "; they were checked out at " + holders.map(\.place).joined(separator: ", ")
        } else if let oldestLease, code != .closed {
            text += "; the oldest lease is from \(oldestLease.place), \(oldestLease.age) ago"
        }
        if let operation, [.timedOut, .tooManyWaiters, .connectFailed].contains(code), !(underlying is ConnectPending) {
            text += "; \(operation)"
        }
        if let underlying { text += ": \(underlying)" }
        return text + "."
    }
}

/// How the places of a pool are used, at one instant.
public struct PoolStatus: Hashable, Sendable, CustomStringConvertible {
    /// The most connections there may be.
    public let maximum: Int

    /// The connections that are kept even if nobody uses them.
    public let minimum: Int

    /// Connections in use.
    public let leased: Int

    /// Connections that wait for their next use.
    public let idle: Int

    /// Connections that are being made or closed.
    public let changing: Int

    /// Callers in line.
    public let waiting: Int

    /// A status, for tests of code that reads it; by default of a pool without connections.
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

    /// The figures in words.
    public var description: String {
        "\(leased) of \(maximum) connections leased, \(idle) idle, \(changing) opening or closing, \(waiting) waiting"
    }
}
