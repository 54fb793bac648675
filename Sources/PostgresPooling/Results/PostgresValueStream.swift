// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The rows of a statement one after another as `Decodable` values, from ``PostgresConnection/stream(_:decoding:missingColumns:timeout:)``.
///
/// ```swift
/// for try await user in db.stream("SELECT id, name FROM users", decoding: User.self) { … }
/// ```
///
/// Everything that ``PostgresRowStream`` says holds for it too.
public struct PostgresValueStream<Value: Decodable>: AsyncSequence {
    /// One value.
    public typealias Element = Value
    /// What an iteration throws: ``PostgresError``, and what the type's own `init(from:)` throws.
    public typealias Failure = any Error

    let rows: PostgresRowStream
    let missingColumns: PostgresMissingColumns

    /// Begins an iteration; the first `next()` runs the statement.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Where an iteration over the values is.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline var rows: PostgresRowStream.Iterator
        private let missingColumns: PostgresMissingColumns
        @usableFromInline var decoder: RowDecoder?
        @usableFromInline var isDone = false

        init(_ stream: PostgresValueStream) {
            rows = stream.rows.makeAsyncIterator()
            missingColumns = stream.missingColumns
        }

        /// The next value; `nil` after the last, and after an error.
        ///
        /// Suspends until the server has sent it.
        ///
        /// - Throws: As ``PostgresRowStream/Iterator/next()`` and ``PostgresRows/decode(_:missingColumns:)``.
        public mutating func next() async throws -> Value? { try await next(isolation: #isolation) }

        // Inlined into the caller's loop, as is the iterator of the rows.
        /// The next value; `nil` after the last, and after an error. As ``next()``, for code that is isolated to an actor.
        @inlinable
        @inline(__always)
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Value? {
            if let value = try valueAtHand() { return value }
            return try await nextAwaited(isolation: actor)
        }

        /// Returns the next value, if its row has arrived and is not the first.
        @inlinable
        mutating func valueAtHand() throws -> Value? {
            guard !isDone, let decoder, let row = rows.rowAtHand() else { return nil }
            isDone = true
            let value = try decoder.decode(Value.self, row: row.index, of: row.result)
            isDone = false
            return value
        }

        /// Waits for the next value.
        @usableFromInline
        mutating func nextAwaited(isolation actor: isolated (any Actor)?) async throws -> Value? {
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
    /// The rows of a statement one after another as values whose properties have the names of the columns.
    ///
    /// ``PostgresRows/decode(_:missingColumns:)`` says how they are decoded. The names are looked up once for each iteration.
    ///
    /// - Parameters:
    ///   - query: One statement. It is run when the iteration begins.
    ///   - type: The type of the values.
    ///   - missingColumns: Whether an optional property without a column is an error, as every other property is.
    ///   - timeout: How long all may take; as for ``stream(_:timeout:)``.
    public func stream<Value: Decodable>(
        _ query: PostgresQuery,
        decoding type: Value.Type,
        missingColumns: PostgresMissingColumns = .areErrors,
        timeout: Duration? = nil
    ) -> PostgresValueStream<Value> {
        PostgresValueStream(rows: stream(query, timeout: timeout), missingColumns: missingColumns)
    }
}
