// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

/// The rows of a statement one after another, as the server sends them, from ``PostgresConnection/stream(_:timeout:)``.
///
/// ```swift
/// for try await row in db.stream("SELECT id, name FROM users") {
///     let (id, name) = try row.decode(as: (Int, String).self)
/// }
/// ```
///
/// No more is read from the socket than is asked for, so a million rows take no more memory than a few, and a slow reader slows
/// the server down. Each iteration runs the statement.
///
/// When an iteration is left early, the next statement on the connection waits until the remaining
/// rows are dropped. Outside a transaction the server is asked to end a statement that only reads,
/// after a millisecond. In a transaction that would fail the transaction, and so all rows are read:
/// give a statement whose rows are not all needed a `LIMIT` there.
///
/// A stream ends with its lease, and when another statement is run on its connection: to go on then is an error.
public struct PostgresRowStream: AsyncSequence {
    /// One row.
    public typealias Element = PostgresRow
    /// What an iteration throws.
    public typealias Failure = PostgresError

    let link: Link
    let query: PostgresQuery
    /// How long an iteration may take; `nil` for as long as it does.
    let timeout: Duration?
    let resetTimeout: Duration
    let columnNames: PostgresConfiguration.ColumnNames
    let lease: Int

    /// Begins an iteration; the first `next()` runs the statement.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Where an iteration over the rows is.
    public struct Iterator: AsyncIteratorProtocol {
        private enum State {
            case new
            case running(sql: String)
            case done
        }

        private let stream: PostgresRowStream
        /// What `Link.statements` was when this one's statement was sent.
        private var statement: Int?
        private var state = State.new
        private var patience = Patience()
        /// The stream's, whose types have identifiers from the beginning of the iteration on.
        private var query: PostgresQuery
        /// The row that was handed out last.
        private var last: PostgresResult?
        /// A result that is still to be looked at: the first, or one that is no row.
        private var unread: PostgresResult?

        init(_ stream: PostgresRowStream) {
            self.stream = stream
            query = stream.query
        }

        /// The next row; `nil` after the last.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: ``PostgresError``; with the code `streamEnded` if the lease has ended or another statement has been run.
        public mutating func next() async throws(PostgresError) -> PostgresRow? {
            try await next(isolation: #isolation)
        }

        // Inlined into the caller's loop, where a row at hand then costs no asynchronous call.
        /// The next row; `nil` after the last. As ``next()``, for code that is isolated to an actor.
        @inlinable
        @inline(__always)
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(PostgresError) -> PostgresRow? {
            if let row = rowAtHand() { return row }
            return try await nextAwaited(isolation: actor)
        }

        /// Waits for the next row.
        @usableFromInline
        mutating func nextAwaited(
            isolation actor: isolated (any Actor)?
        ) async throws(PostgresError) -> PostgresRow? {
            if case .done = state { return nil }
            let link = stream.link
            // First, because after the lease's end the connection is another's.
            guard link.isCurrent(lease: stream.lease, statement: statement) else {
                state = .done
                throw PostgresError(
                    .streamEnded,
                    "the lease that this stream of rows came from has ended, or another statement was run",
                    sql: stream.query.text
                )
            }
            link.beginUse()
            defer { link.endUse() }
            do throws(PostgresError) {
                if case .new = state { state = .running(sql: try await begin()) }
                return try await nextRow()
            } catch {
                state = .done
                if stream.query.hasNamedTypes { link.session.types.removeAll() }
                throw error
            }
        }

        /// Sends the statement and waits for its first result.
        ///
        /// - Returns: The text of the statement.
        private mutating func begin() async throws(PostgresError) -> String {
            let link = stream.link
            statement = link.endStreams()
            if let timeout = stream.timeout { patience.deadline = MonotonicClock.deadline(after: timeout) }
            try await link.prepareToSend(sql: query.text, patience, resetTimeout: stream.resetTimeout)
            if query.hasNamedTypes { query = try await link.resolve(query, patience) }
            let (sql, first) = try await link.open(query, patience)
            unread = first
            return sql
        }

        /// Returns the next row, if it has arrived. Its memory is that of the last row, if no caller has kept that.
        @usableFromInline
        mutating func rowAtHand() -> PostgresRow? {
            guard case .running = state, unread == nil else { return nil }
            // A counted reference to the link would cost as much as a tenth of the row. `stream` has one.
            let link = unsafe Unmanaged.passUnretained(stream.link)
            let (lease, statement) = (stream.lease, statement)
            guard
                let next = unsafe link._withUnsafeGuaranteedRef({ link in
                    unsafe link.resultAtHand(lease: lease, statement: statement)
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
            // Rows that come as fast as they are read leave no wait that a cancellation would end.
            if next == nil, Task.isCancelled, !stream.link.hasResultAtHand,
                let error = stream.link.error(ending: .cancelled, sql: sql)
            {
                throw error
            }
            if next == nil { next = try await stream.link.nextResult(sql: sql, patience) }
            guard let result = next else {
                state = .done
                return nil
            }
            try stream.link.requireUTF8(sql: sql)
            if result.status == PGRES_SINGLE_TUPLE {
                result.columnNames = stream.columnNames
                last = result
                return PostgresRow(result: result, index: 0)
            }
            last = nil
            // The last one has no rows, or is an error; behind it comes the end of the answer.
            let error = stream.link.failure(of: result, sql: sql)
            if let error, error.code == .unsupported { throw error }
            while try await stream.link.nextResult(sql: sql, patience) != nil {}
            if let error {
                _ = stream.link.forgetIfStale(query, error)
                throw error
            }
            stream.link.note(result, sql: sql)
            try stream.link.requireUTF8(sql: sql)
            state = .done
            if let error = stream.link.controlError(sql: sql) { throw error }
            return nil
        }
    }
}

@available(*, unavailable)
extension PostgresRowStream: Sendable {}

@available(*, unavailable)
extension PostgresRowStream.Iterator: Sendable {}

extension PostgresConnection {
    /// The rows of a statement one after another, without holding more than one.
    ///
    /// - Parameters:
    ///   - query: One statement. It is run when the iteration begins.
    ///   - timeout: How long all may take, from this call to the last row; by default the configuration's `statementTimeout`.
    public func stream(_ query: PostgresQuery, timeout: Duration? = nil) -> PostgresRowStream {
        PostgresRowStream(
            link: link,
            query: query,
            timeout: timeout ?? statementTimeout,
            resetTimeout: resetTimeout,
            columnNames: columnNames,
            lease: link.leases.load(ordering: .relaxed)
        )
    }
}
