// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresPool {
    /// Runs a statement and returns all its rows.
    ///
    /// Suspends until a connection is free and the server has answered. If the connection turns
    /// out to be lost before the server has begun the statement, the statement is sent once more
    /// on another connection.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: The time limit for the whole call, including the wait for a connection; by
    ///     default the pool's `checkoutTimeout` for that wait, and then the configuration's
    ///     `statementTimeout` for the server. The wait never exceeds `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows.
    /// - Throws: `CancellationError` if the task was cancelled before the answer arrived;
    ///   ``PostgresError``; `PoolError` if no connection became free in time, too many callers
    ///   wait, or the pool is closed.
    public func query(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresRows {
        PostgresRows(try await run(query, timeout: timeout, file, line))
    }

    /// Runs a statement and decodes all its rows.
    ///
    /// Suspends like ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: As in ``query(_:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``; ``PostgresError`` with the code `columnCount`
    ///   or `decoding` if the rows do not have these types.
    public func query<each Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [(repeat each Column)] {
        try await self.query(query, timeout: timeout, file: file, line: line).decode(as: columns)
    }

    /// Runs a statement and decodes all its rows, which have one column.
    ///
    /// Suspends like ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - column: The type of the column.
    ///   - timeout: As in ``query(_:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The values, in the order of the statement.
    /// - Throws: As ``query(_:timeout:file:line:)``; ``PostgresError`` with the code `columnCount`
    ///   or `decoding` if the rows do not have this type.
    @inlinable
    public func query<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as column: Column.Type,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [Column] {
        try await self.query(query, timeout: timeout, file: file, line: line).decode(as: column)
    }

    /// Runs a statement and discards its rows, if it has any.
    ///
    /// Suspends like ``query(_:timeout:file:line:)``.
    ///
    /// - Parameters:
    ///   - query: One statement, which is a transaction of its own.
    ///   - timeout: As in ``query(_:timeout:file:line:)``.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The server's description of the effect, which is committed.
    /// - Throws: As ``query(_:timeout:file:line:)``.
    @discardableResult
    public func execute(
        _ query: PostgresQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> PostgresCommand {
        PostgresCommand(try await run(query, timeout: timeout, file, line))
    }

    /// Runs statements on a connection, and once more on another one if the first was lost before
    /// the server began them.
    func runRetrying<Result: Sendable>(
        timeout: Duration?,
        _ file: StaticString,
        _ line: UInt,
        _ body: (borrowing PostgresConnection, WaitLimit) async throws -> Result
    ) async throws -> Result {
        let deadline = timeout.map(MonotonicClock.deadline(after:))
        let call = observedCall(file, line)
        do {
            return try await connections.withConnection(timeout: wait(within: timeout), file: file, line: line) { db in
                db.begin(call)
                return try await body(db, db.limit(until: deadline))
            }
        } catch {
            try prepareRetry(after: error)
            do {
                let again = observedCall(file, line)
                let rest = deadline.map(MonotonicClock.duration(until:))
                return try await connections.withConnection(timeout: wait(within: rest), file: file, line: line) { db in
                    db.begin(again)
                    return try await body(db, db.limit(until: deadline))
                }
            } catch {
                throw publicError(error)
            }
        }
    }

    @inline(__always)
    private func run(
        _ query: PostgresQuery,
        timeout: Duration?,
        _ file: StaticString,
        _ line: UInt
    ) async throws -> PostgresResult {
        let deadline = timeout.map(MonotonicClock.deadline(after:))
        let call = observedCall(file, line)
        if let multiplexer {
            do {
                if let result = try await multiplexer.run(query, until: deadline, call) { return result }
            } catch {
                throw publicError(error)
            }
        }
        do {
            return try await connections.withConnection(timeout: wait(within: timeout), file: file, line: line) { db in
                db.begin(call)
                return try await db.run(query, db.limit(until: deadline))
            }
        } catch {
            return try await runAgain(query, until: deadline, file, line, after: error)
        }
    }

    /// Runs a statement once more on another connection, if the first connection was lost before
    /// the server began the statement.
    private func runAgain(
        _ query: PostgresQuery,
        until deadline: UInt64?,
        _ file: StaticString,
        _ line: UInt,
        after error: any Error
    ) async throws -> PostgresResult {
        try prepareRetry(after: error)
        do {
            let again = observedCall(file, line)
            let rest = deadline.map(MonotonicClock.duration(until:))
            return try await connections.withConnection(timeout: wait(within: rest), file: file, line: line) { db in
                db.begin(again)
                return try await db.run(query, db.limit(until: deadline))
            }
        } catch {
            throw publicError(error)
        }
    }

    /// Throws the error for the caller, unless the connection was lost before the server began the
    /// statement.
    private func prepareRetry(after error: any Error) throws {
        guard let lost = error as? PostgresError, lost.isCertainlyUnread else { throw publicError(error) }
        // Other idle connections may have been lost with it.
        connections.inspectIdle()
    }

    /// Returns the error for the caller of a statement.
    private func publicError(_ error: any Error) -> any Error {
        switch error {
        case let error as PostgresError: error.forCaller
        case let error as PoolError: reason(for: error)
        default: error
        }
    }

    /// Returns the time limit for the wait for a connection, in a call that has a time limit;
    /// `nil` for the configuration's.
    ///
    /// - Parameters:
    ///   - timeout: The time limit for the whole call.
    ///   - checkoutTimeout: The time limit for the wait; `nil` for the configuration's.
    func wait(within timeout: Duration?, checkoutTimeout: Duration? = nil) -> Duration? {
        guard let timeout else { return checkoutTimeout }
        return min(timeout, checkoutTimeout ?? configuration.pool.checkoutTimeout)
    }
}
