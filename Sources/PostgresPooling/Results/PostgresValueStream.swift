// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A sequence of a statement's rows as `Decodable` values, from
/// ``PostgresConnection/stream(_:decoding:missingColumns:timeout:)``.
///
/// ```swift
/// for try await user in db.stream("SELECT id, name FROM users", decoding: User.self) { … }
/// ```
///
/// It behaves like ``PostgresRowStream``.
public struct PostgresValueStream<Value: Decodable>: AsyncSequence {
    /// A value.
    public typealias Element = Value
    /// The error of an iteration: ``PostgresError``, or an error of the type's own `init(from:)`.
    public typealias Failure = any Error

    let rows: PostgresRowStream
    let missingColumns: PostgresRow.MissingColumns

    /// Returns an iterator. Its first `next()` runs the statement.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// An iterator over the values.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline var rows: PostgresRowStream.Iterator
        private let missingColumns: PostgresRow.MissingColumns
        @usableFromInline var decoder: RowDecoder?
        @usableFromInline var isDone = false

        init(_ stream: PostgresValueStream) {
            rows = stream.rows.makeAsyncIterator()
            missingColumns = stream.missingColumns
        }

        /// Returns the next value; `nil` after the last one, and after an error.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: As ``PostgresRowStream/Iterator/next()`` and
        ///   ``PostgresRows/decode(_:missingColumns:)``.
        public mutating func next() async throws -> Value? { try await next(isolation: #isolation) }

        // Inlined into the caller's loop, like the iterator of the rows.
        /// Returns the next value; `nil` after the last one, and after an error. The same as
        /// ``next()``, for actor-isolated code.
        @inlinable
        @inline(__always)
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Value? {
            if let value = try bufferedValue() { return value }
            return try await awaitNext(isolation: actor)
        }

        /// Returns the next value, if its row has arrived and is not the first.
        @inlinable
        mutating func bufferedValue() throws -> Value? {
            guard !isDone, let decoder, let row = rows.bufferedRow() else { return nil }
            isDone = true
            let value = try decoder.decode(Value.self, row: row.index, of: row.result)
            isDone = false
            return value
        }

        /// Waits for the next value.
        @usableFromInline
        mutating func awaitNext(isolation actor: isolated (any Actor)?) async throws -> Value? {
            if isDone { return nil }
            isDone = true
            guard let row = try await rows.next(isolation: actor) else { return nil }
            let decoder = decoder ?? RowDecoder(row.result, missingColumns)
            self.decoder = decoder
            let value = try decoder.decode(Value.self, row: row.index, of: row.result)
            isDone = false
            return value
        }
    }
}

@available(*, unavailable)
extension PostgresValueStream: Sendable {}

@available(*, unavailable)
extension PostgresValueStream.Iterator: Sendable {}

extension PostgresConnection {
    /// Returns a sequence of a statement's rows as values whose properties have the names of the
    /// columns.
    ///
    /// ``PostgresRows/decode(_:missingColumns:)`` describes the decoding. The names are looked up
    /// once for each iteration.
    ///
    /// - Parameters:
    ///   - query: One statement. It runs when the iteration begins.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, like every
    ///     other property without one.
    ///   - timeout: The timeout for the whole iteration, as in ``stream(_:timeout:)``.
    public func stream<Value: Decodable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresRow.MissingColumns = .areErrors,
        timeout: Duration? = nil
    ) -> PostgresValueStream<Value> {
        PostgresValueStream(rows: stream(query, timeout: timeout), missingColumns: missingColumns)
    }
}
