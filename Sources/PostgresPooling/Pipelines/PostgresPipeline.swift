// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// Statements that are sent together: the server answers all of them in one round trip.
///
/// ```swift
/// let (name, orders) = try await pool.withPipeline { pipeline in
///     let name = pipeline.query("SELECT name FROM users WHERE id = \(id)", as: String.self)
///     let orders = pipeline.query("SELECT id FROM orders WHERE user_id = \(id)", as: Int.self)
///     pipeline.execute("UPDATE users SET seen = now() WHERE id = \(id)")
///     return (name, orders)
/// }
/// print(try name.get(), try orders.get())
/// ```
///
/// The body only adds statements. They are sent when it has returned, so none can use the result
/// of another.
///
/// Outside a transaction, the statements up to the next ``sync()`` are one transaction: if a
/// statement fails, the server runs none of the following ones, and undoes the earlier ones.
/// Within a transaction, a failed statement fails the transaction.
public struct PostgresPipeline: ~Copyable {
    enum Step {
        case statement(PostgresQuery, PipelineAnswer)
        case sync

        /// Whether nothing changes if the step runs twice.
        var isRepeatable: Bool { if case .statement(_, let answer) = self { answer.isRepeatable } else { true } }
    }

    private(set) var steps: [Step] = []

    /// The number of statements that have been added.
    public private(set) var count = 0

    /// Adds a statement whose rows are wanted.
    ///
    /// - Parameter query: One statement. It must not begin or end a transaction, nor be a `COPY`;
    ///   outside a transaction it must not be able to commit by itself, as `CALL`, `DO` and
    ///   `VACUUM` are.
    /// - Returns: The future rows.
    public mutating func query(_ query: PostgresQuery) -> Result<PostgresRows> {
        Result(add(query)) { PostgresRows($0) }
    }

    /// Adds a statement whose rows are decoded as tuples.
    ///
    /// - Parameters:
    ///   - query: One statement; see ``query(_:)``.
    ///   - columns: The type of each column, in order, as a tuple.
    /// - Returns: The future rows.
    public mutating func query<each Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as columns: (repeat each Column).Type
    ) -> Result<[(repeat each Column)]> {
        Result(add(query)) { result throws(PostgresError) in
            try PostgresRows(result).decode(as: columns)
        }
    }

    /// Adds a statement whose rows have one column.
    ///
    /// - Parameters:
    ///   - query: One statement; see ``query(_:)``.
    ///   - column: The type of the column.
    /// - Returns: The future values.
    public mutating func query<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as column: Column.Type
    ) -> Result<[Column]> {
        Result(add(query)) { result throws(PostgresError) in
            try PostgresRows(result).decode(as: column)
        }
    }

    /// Adds a statement whose rows, if it has any, are discarded.
    ///
    /// - Parameter query: One statement; see ``query(_:)``.
    /// - Returns: The future effect.
    @discardableResult
    public mutating func execute(_ query: PostgresQuery) -> Result<PostgresCommand> {
        Result(add(query)) { PostgresCommand($0) }
    }

    /// Adds a statement whose number of rows is wanted.
    mutating func count(_ query: PostgresQuery) -> Result<Int> {
        Result(add(query)) { $0.affectedRowCount }
    }

    /// Ends a part of the pipeline: a later failure does not affect the earlier statements, nor
    /// does an earlier one affect those that follow.
    ///
    /// Outside a transaction, the earlier part is committed if none of its statements fails.
    public mutating func sync() {
        if case .statement = steps.last { steps.append(.sync) }
    }

    /// Adds a question of the library, which changes nothing, so that it may run twice.
    mutating func ask<Column: PostgresDecodable & Sendable>(
        _ query: PostgresQuery,
        as column: Column.Type
    ) -> Result<[Column]> {
        Result(add(query, isRepeatable: true)) { result throws(PostgresError) in
            try PostgresRows(result).decode(as: column)
        }
    }

    private mutating func add(_ query: PostgresQuery, isRepeatable: Bool = false) -> PipelineAnswer {
        let answer = PipelineAnswer(isRepeatable: isRepeatable)
        steps.append(.statement(query, answer))
        count += 1
        return answer
    }
}

/// What the server has answered to a statement of a pipeline.
final class PipelineAnswer: Sendable {
    enum State {
        case pending
        case done(PostgresResult)
        case failed(PostgresPipeline.State, any Error)
    }

    private let state = Locked(State.pending)

    /// Whether nothing changes if the statement runs twice.
    let isRepeatable: Bool

    init(isRepeatable: Bool = false) { self.isRepeatable = isRepeatable }

    var current: State { state.withLock { $0 } }

    func set(_ new: State) { state.withLock { $0 = new } }

    /// Ends a statement that has no answer.
    func end(_ reason: PostgresPipeline.State, _ error: any Error) {
        state.withLock { state in
            if case .pending = state { state = .failed(reason, error) }
        }
    }

    /// Ends a statement that was done before a failure of its transaction.
    func takeBack(_ reason: PostgresPipeline.State, _ error: any Error) {
        state.withLock { state in
            if case .done = state { state = .failed(reason, error) }
        }
    }
}
