// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A connection that is checked out of a ``PostgresPool``. It goes back when the lease ends.
///
/// ```swift
/// let lease = try await pool.getOrCreate()
/// let names = try await lease.connection.query("SELECT name FROM users", as: String.self)
/// lease.release()
/// ```
///
/// A lease cannot be copied. It may be kept across `await`, and given to another task by a `sending` parameter, but is not
/// `Sendable`, because its connection runs one statement at a time.
public struct PostgresLease: ~Copyable {
    private let lease: ConnectionLease<PostgresConnectionFactory>

    init(_ lease: consuming ConnectionLease<PostgresConnectionFactory>) { self.lease = lease }

    /// The connection, in place. When the lease ends, the pool inspects the connection as after a body: it ends a statement that still runs,
    /// rolls back an open transaction, and resets the session.
    public var connection: PostgresConnection {
        _read { yield lease.connection }
    }

    /// Gives the connection back now, instead of at the end of the lease's scope.
    public consuming func release() {}
}

@available(*, unavailable)
extension PostgresLease: Sendable {}

extension PostgresPool {
    /// Checks a connection out, for a use that does not fit into one closure.
    ///
    /// Suspends only if no connection is idle, or other callers wait. A lease may be given to another task, so that the pool does not
    /// find a deadlock of the tasks that hold leases: their waits end with their timeouts. Prefer
    /// `withConnection`, where it finds that.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: A lease, which gives the connection back when it ends.
    /// - Throws: `CancellationError` if the task was cancelled while it waited; ``PostgresError`` if no connection could be made; else
    ///   `PoolError`.
    public func getOrCreate(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresLease {
        PostgresLease(try await checkOut(timeout: timeout, Caller(file, line)))
    }

    /// Checks out a connection if one is idle and no caller waits. Makes none, and tests none: where the one that is found has been
    /// idle for longer than `validateAfterIdle`, the pool tests it in the background, and this returns `nil`.
    ///
    /// - Parameters:
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: A lease, or `nil`. O(1).
    public func tryGet(file: StaticString = #fileID, line: UInt = #line) -> PostgresLease? {
        guard let lease = connections.tryGet(for: Caller(file, line)) else { return nil }
        return PostgresLease(lease)
    }
}
