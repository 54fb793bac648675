// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A sequence of the rows of a query as tuples, from
/// ``PostgresConnection/copy(from:as:timeout:)``.
///
/// ```swift
/// for try await (id, name) in db.copy(from: "TABLE person", as: (Int, String).self) {
///     …
/// }
/// ```
///
/// It behaves like ``PostgresCopyBytes``. The rows arrive in the binary format of `COPY`, which
/// costs the server and the client less than the rows of ``PostgresRowStream``.
public struct PostgresCopyRows<each Column: PostgresDecodable>: AsyncSequence {
    /// A row.
    public typealias Element = (repeat each Column)
    /// The error of an iteration: ``PostgresError``, or `CancellationError`.
    public typealias Failure = any Error

    let source: CopySource

    /// Returns an iterator. Its first `next()` runs the query.
    public func makeAsyncIterator() -> Iterator { Iterator(rows: CopyRowReceiver(source)) }

    /// An iterator over the rows.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let rows: CopyRowReceiver

        init(rows: CopyRowReceiver) { self.rows = rows }

        /// Returns the next row; `nil` after the last one, and after an error.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: ``PostgresError``, with the code `decoding` or `columnCount` if the rows do
        ///   not have these types, `streamEnded` if the lease has ended or another statement has
        ///   run; `CancellationError` if the task was cancelled.
        public mutating func next() async throws -> (repeat each Column)? { try await next(isolation: #isolation) }

        // Inlined into the caller's loop, where a buffered row then needs no asynchronous call.
        /// Returns the next row; `nil` after the last one, and after an error. The same as
        /// ``next()``, for actor-isolated code.
        @inlinable
        @inline(__always)
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> (repeat each Column)? {
            var isRow = try rows.takeBuffered()
            if !isRow { isRow = try await rows.takeNext(columnCount: Self.columnCount, isolation: actor) }
            guard isRow else { return nil }
            let row: (repeat each Column) = try rows.decode(repeat (each Column).self)
            return row
        }

        @inlinable static var columnCount: Int {
            var count = 0
            for _ in repeat (each Column).self { count += 1 }
            return count
        }
    }
}

@available(*, unavailable)
extension PostgresCopyRows: Sendable {}

@available(*, unavailable)
extension PostgresCopyRows.Iterator: Sendable {}

extension PostgresConnection {
    /// Returns a sequence of the rows of a query, which a `COPY` in binary format sends.
    ///
    /// The types of the query's columns are looked up first.
    ///
    /// - Parameters:
    ///   - query: A query without parameters, such as `TABLE person`; for a query with parameters
    ///     use ``stream(_:timeout:)``. It runs when the iteration begins.
    ///   - columns: The type of each column, in order, as a tuple.
    ///   - timeout: The timeout for the whole iteration; by default the configuration's
    ///     `statementTimeout`.
    public func copy<each Column: PostgresDecodable>(
        from query: PostgresQuery,
        as columns: (repeat each Column).Type,
        timeout: Duration? = nil
    ) -> PostgresCopyRows<repeat each Column> {
        PostgresCopyRows(source: copySource(query, timeout: timeout))
    }
}
