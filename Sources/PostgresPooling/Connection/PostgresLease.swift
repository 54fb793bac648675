// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A connection that is checked out of a ``PostgresPool``. The end of the lease releases it.
///
/// ```swift
/// let lease = try await pool.getOrCreate()
/// let names = try await lease.connection.query("SELECT name FROM users", as: String.self)
/// lease.release()
/// ```
///
/// A lease cannot be copied. It may be kept across `await` and passed to another task by a
/// `sending` parameter, but it is not `Sendable`, because its connection runs one statement at a
/// time.
public struct PostgresLease: ~Copyable {
    private let lease: ConnectionLease<PostgresConnectionFactory>

    init(_ lease: consuming ConnectionLease<PostgresConnectionFactory>) { self.lease = lease }

    /// The connection, borrowed from the lease. When the lease ends, the pool treats the
    /// connection as after a body: it ends a running statement, rolls back an open transaction,
    /// and resets the session.
    public var connection: PostgresConnection {
        _read { yield lease.connection }
    }

    /// Releases the connection now, instead of at the end of the lease's scope.
    public consuming func release() {}
}

@available(*, unavailable)
extension PostgresLease: Sendable {}

extension PostgresPool {
    /// Checks out a connection for a use that does not fit into one closure.
    ///
    /// Suspends only if no connection is idle, or if other callers wait. A lease may move to
    /// another task, so the pool detects no deadlock between tasks that hold leases: their waits
    /// end with their timeouts. Prefer `withConnection`, which detects deadlocks.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the wait; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: A lease. Its end releases the connection.
    /// - Throws: `CancellationError` if the task was cancelled while it waited; ``PostgresError``
    ///   if no connection could be made; otherwise `PoolError`.
    public func getOrCreate(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresLease {
        PostgresLease(try await checkOut(timeout: timeout, CallSite(file, line)))
    }

    /// Checks out a connection if one is idle and no caller waits. Neither makes nor tests a
    /// connection: if the idle connection needs a test, because it was idle for longer than
    /// `validateAfterIdle`, the pool tests it in the background, and the result is `nil`.
    ///
    /// - Parameters:
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: A lease, or `nil`.
    /// - Complexity: O(1).
    public func tryGet(file: StaticString = #fileID, line: UInt = #line) -> PostgresLease? {
        let caller = CallSite(file, line)
        let call = observedCall(caller)
        guard let lease = connections.tryGet(for: caller) else { return nil }
        lease.connection.begin(call)
        return PostgresLease(lease)
    }
}
