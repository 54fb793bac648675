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
/// the server down. Each iteration runs the statement. One that is left early has the server end it, which in a transaction fails
/// the transaction, unless the server had sent everything by then.
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
        /// The row that was handed out last.
        private var last: PostgresResult?
        /// A result that is no row, and that is still to be looked at.
        private var unread: PostgresResult?

        init(_ stream: PostgresRowStream) { self.stream = stream }

        /// The next row; `nil` after the last.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: ``PostgresError``; with the code `streamEnded` if the lease has ended or another statement has been run.
        public mutating func next() async throws(PostgresError) -> PostgresRow? {
            try await next(isolation: #isolation)
        }

        /// The next row; `nil` after the last. As ``next()``, for code that is isolated to an actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(PostgresError) -> PostgresRow? {
            if let row = rowAtHand() { return row }
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
                let sql: String
                if case .running(let text) = state { sql = text } else { sql = try await begin() }
                state = .running(sql: sql)
                return try await nextRow(sql: sql)
            } catch {
                state = .done
                throw error
            }
        }

        /// - Returns: The text of the statement.
        private mutating func begin() async throws(PostgresError) -> String {
            let (link, query) = (stream.link, stream.query)
            statement = link.endStreams()
            if let timeout = stream.timeout { patience.deadline = MonotonicClock.deadline(after: timeout) }
            try await link.prepareToSend(sql: query.text, patience, resetTimeout: stream.resetTimeout)
            while true {
                switch try link.send(query, rowByRow: true) {
                case .sent(let text): return text
                case .unprepared(let preparation): try await link.prepare(query, preparation, patience)
                }
            }
        }

        /// Returns the next row, if it has arrived. Its memory is that of the last row, if no caller has kept that.
        @inline(__always)
        private mutating func rowAtHand() -> PostgresRow? {
            guard case .running = state, unread == nil else { return nil }
            let link = stream.link
            guard link.isCurrent(lease: stream.lease, statement: statement), let next = unsafe link.resultAtHand()
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

        private mutating func nextRow(sql: String) async throws(PostgresError) -> PostgresRow? {
            var next = unread.take()
            if next == nil { next = try await stream.link.nextResult(sql: sql, patience) }
            guard let result = next else {
                state = .done
                return nil
            }
            if result.status == PGRES_SINGLE_TUPLE {
                result.columnNames = stream.columnNames
                last = result
                return PostgresRow(result: result, index: 0)
            }
            last = nil
            // The last one has no rows, or is an error; behind it comes the end of the answer.
            let (error, tag) = (stream.link.failure(of: result, sql: sql), result.commandTag)
            if let error, error.code == .unsupported { throw error }
            while try await stream.link.nextResult(sql: sql, patience) != nil {}
            if let error {
                _ = stream.link.forgetIfStale(stream.query, error)
                throw error
            }
            stream.link.session.note(commandTag: tag)
            state = .done
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
