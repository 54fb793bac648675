// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

/// A sequence of a statement's rows as the server sends them, from
/// ``PostgresConnection/stream(_:timeout:)``.
///
/// ```swift
/// for try await row in db.stream("SELECT id, name FROM users") {
///     let (id, name) = try row.decode(as: (Int, String).self)
/// }
/// ```
///
/// The stream reads from the socket only as rows are consumed, so a million rows use no more
/// memory than a few, and a slow consumer slows the server down. Each iteration runs the
/// statement.
///
/// If an iteration ends early, the next statement on the connection waits until the remaining rows
/// are discarded. Outside a transaction, the server is asked to cancel a read-only statement after
/// a millisecond. Within a transaction a cancellation would fail the transaction, so all rows are
/// read: use `LIMIT` there if not all rows are needed.
///
/// A stream ends with its lease, and when another statement runs on its connection. Continuing an
/// iteration then is an error.
public struct PostgresRowStream: AsyncSequence {
    /// A row.
    public typealias Element = PostgresRow
    /// The error of an iteration: ``PostgresError``, or `CancellationError`.
    public typealias Failure = any Error

    let session: Session
    let query: PostgresQuery
    /// The timeout of an iteration; `nil` for none.
    let timeout: Duration?
    let resetTimeout: Duration
    let columnNames: PostgresConfiguration.ColumnNames
    let lease: Int

    /// Returns an iterator. Its first `next()` runs the statement.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// An iterator over the rows.
    public struct Iterator: AsyncIteratorProtocol {
        private enum State {
            case new
            case running(sql: String)
            case done
        }

        private let stream: PostgresRowStream
        /// The value of `Session.statements` when the iterator's statement was sent.
        private var statement: Int?
        private var state = State.new
        private var observation: StatementObservation?
        private var limit = WaitLimit()
        /// The stream's statement, with type identifiers from the beginning of the iteration on.
        private var query: PostgresQuery
        /// The row that was returned last.
        private var last: PostgresResult?
        /// A result that is still to be processed: the first one, or one that is not a row.
        private var unread: PostgresResult?

        init(_ stream: PostgresRowStream) {
            self.stream = stream
            query = stream.query
        }

        /// Returns the next row; `nil` after the last one.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: ``PostgresError``, with the code `streamEnded` if the lease has ended or
        ///   another statement has run; `CancellationError` if the task was cancelled.
        public mutating func next() async throws -> PostgresRow? {
            try await next(isolation: #isolation)
        }

        // Inlined into the caller's loop, where a buffered row then needs no asynchronous call.
        /// Returns the next row; `nil` after the last one. The same as ``next()``, for
        /// actor-isolated code.
        @inlinable
        @inline(__always)
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> PostgresRow? {
            if let row = bufferedRow() { return row }
            return try await awaitNext(isolation: actor)
        }

        /// Waits for the next row.
        @usableFromInline
        mutating func awaitNext(
            isolation actor: isolated (any Actor)?
        ) async throws -> PostgresRow? {
            if case .done = state { return nil }
            let session = stream.session
            // Checked first, because after the end of the lease the connection belongs to another
            // lease.
            guard session.isCurrent(lease: stream.lease, statement: statement) else {
                state = .done
                observation?.endEarly()
                throw PostgresError(
                    .streamEnded,
                    "the lease of this stream of rows has ended, or another statement was run",
                    sql: stream.query.text
                )
            }
            session.beginUse()
            defer { session.endUse() }
            do throws(PostgresError) {
                if case .new = state {
                    observation = session.observe(query)
                    state = .running(sql: try await begin())
                }
                return try await nextRow()
            } catch {
                state = .done
                observation?.fail(error)
                if stream.query.hasNamedTypes { session.state.types.removeAll() }
                throw error.forCaller
            }
        }

        /// Sends the statement and waits for its first result.
        ///
        /// - Returns: The text of the statement.
        private mutating func begin() async throws(PostgresError) -> String {
            let session = stream.session
            statement = session.endStreams()
            limit.deadline = session.state.deadline
            if let timeout = stream.timeout {
                limit.deadline = Swift.min(limit.deadline, MonotonicClock.deadline(after: timeout))
            }
            try await session.prepareToSend(sql: query.text, limit, resetTimeout: stream.resetTimeout)
            if query.hasNamedTypes { query = try await session.resolve(query, limit) }
            let (sql, first) = try await session.open(query, limit)
            unread = first
            return sql
        }

        /// Returns the next row, if it has arrived. Reuses the memory of the last row, unless the
        /// caller has kept it.
        @usableFromInline
        mutating func bufferedRow() -> PostgresRow? {
            guard case .running = state, unread == nil else { return nil }
            // Retaining the session would cost as much as a tenth of the row. `stream` retains it.
            let session = unsafe Unmanaged.passUnretained(stream.session)
            let (lease, statement) = (stream.lease, statement)
            guard
                let next = unsafe session._withUnsafeGuaranteedRef({ session in
                    unsafe session.bufferedResult(lease: lease, statement: statement)
                })
            else { return nil }
            if unsafe PQresultStatus(next) == PGRES_SINGLE_TUPLE, isKnownUniquelyReferenced(&last), let last {
                unsafe last.replace(by: next)
                return PostgresRow(result: last, index: 0)
            }
            return unsafe newRow(next)
        }

        @inline(never)
        private mutating func newRow(_ next: OpaquePointer) -> PostgresRow? {
            guard case .running(let sql) = state else { return nil }
            let result = unsafe PostgresResult(next, sql: sql)
            guard result.status == PGRES_SINGLE_TUPLE else {
                unread = result
                return nil
            }
            result.columnNames = stream.columnNames
            last = result
            return PostgresRow(result: result, index: 0)
        }

        private mutating func nextRow() async throws(PostgresError) -> PostgresRow? {
            guard case .running(let sql) = state else { return nil }
            var next = unread.take()
            // Rows that arrive as fast as they are read never cause a wait that a cancellation
            // would end.
            if next == nil, Task.isCancelled, !stream.session.hasBufferedResult,
                let error = stream.session.error(ending: .cancelled, sql: sql)
            {
                throw error
            }
            if next == nil { next = try await stream.session.nextResult(sql: sql, limit) }
            guard let result = next else {
                state = .done
                observation?.endEarly()
                return nil
            }
            try stream.session.requireUTF8(sql: sql)
            if result.status == PGRES_SINGLE_TUPLE {
                result.columnNames = stream.columnNames
                last = result
                return PostgresRow(result: result, index: 0)
            }
            last = nil
            // The last result has no rows, or is an error. The end of the answer follows it.
            let error = stream.session.failure(of: result, sql: sql)
            if let error, error.code == .unsupported { throw error }
            while try await stream.session.nextResult(sql: sql, limit) != nil {}
            if let error {
                _ = stream.session.forgetIfStale(query, error)
                throw error
            }
            stream.session.record(result, sql: sql)
            try stream.session.requireUTF8(sql: sql)
            state = .done
            if let error = stream.session.controlError(sql: sql) { throw error }
            observation?.complete(result)
            return nil
        }
    }
}

@available(*, unavailable)
extension PostgresRowStream: Sendable {}

@available(*, unavailable)
extension PostgresRowStream.Iterator: Sendable {}

extension PostgresConnection {
    /// Returns a sequence of a statement's rows that holds at most one row in memory.
    ///
    /// - Parameters:
    ///   - query: One statement. It runs when the iteration begins.
    ///   - timeout: The timeout for the whole iteration, from this call to the last row; by
    ///     default the configuration's `statementTimeout`.
    public func stream(_ query: PostgresQuery, timeout: Duration? = nil) -> PostgresRowStream {
        PostgresRowStream(
            session: session,
            query: query,
            timeout: timeout ?? statementTimeout,
            resetTimeout: resetTimeout,
            columnNames: columnNames,
            lease: session.leases.load(ordering: .relaxed)
        )
    }
}

extension Session {
    /// Returns the next result in single-row mode, if libpq has it: most rows arrive many at a
    /// time. Does not suspend.
    ///
    /// - Returns: libpq's result, which the caller owns; `nil` if it has not arrived, the stream
    ///   has ended, or `client_encoding` has changed.
    @inline(__always)
    func bufferedResult(lease: Int, statement: Int?) -> OpaquePointer? {
        guard isCurrent(lease: lease, statement: statement), isUTF8 else { return nil }
        beginUse()
        defer { endUse() }
        return unsafe PQisBusy(handle) == 0 ? PQgetResult(handle) : nil
    }

    /// Whether libpq has the next result of the statement, or its end, so that fetching it does
    /// not suspend.
    var hasBufferedResult: Bool { unsafe PQisBusy(handle) == 0 }

    /// Returns whether a stream of rows may continue: its lease has not ended, and no other
    /// statement has run.
    @inline(__always)
    func isCurrent(lease: Int, statement: Int?) -> Bool {
        leases.load(ordering: .relaxed) == lease
            && (statement == nil || statement == statements.load(ordering: .relaxed))
    }
}
