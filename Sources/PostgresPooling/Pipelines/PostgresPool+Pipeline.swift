// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension PostgresPool {
    /// Sends several statements in one round trip, on one connection.
    ///
    /// The statements up to the next ``PostgresPipeline/sync()`` are one transaction. Suspends
    /// until a connection is free and the server has answered all statements. A statement that the
    /// connection has not prepared takes a round trip more.
    ///
    /// With an isolation level, `readOnly` or settings, `BEGIN` and `COMMIT` are part of the same
    /// round trip:
    ///
    /// ```swift
    /// try await pool.withPipeline(isolation: .serializable) { pipeline in … }
    /// ```
    ///
    /// - Parameters:
    ///   - isolation: The isolation level of each transaction; `nil` for the server's default.
    ///   - readOnly: Whether the transactions may only read.
    ///   - settings: The settings of each transaction by name, without `search_path`.
    ///   - timeout: As in ``query(_:timeout:file:line:)``, for all statements.
    ///   - throwsFailures: Whether to throw the first failure of a statement. If not, each failure
    ///     is found in the results alone.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: A closure that adds the statements. It does not suspend, and nothing is sent
    ///     before it returns.
    /// - Returns: The result of `body`, usually the future results of the statements, which have
    ///   arrived.
    /// - Throws: As `withPipeline` of a connection; `PoolError` if no connection became free in
    ///   time, too many callers wait, or the pool is closed.
    @discardableResult
    public func withPipeline<Result>(
        isolation: PostgresConnection.IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:],
        timeout: Duration? = nil,
        throwsFailures: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (inout PostgresPipeline) throws -> sending Result
    ) async throws -> sending Result {
        let start = try TransactionStart(ofPipeline: isolation, readOnly: readOnly, settings: settings)
        var pipeline = PostgresPipeline()
        let result = try body(&pipeline)
        let steps = pipeline.steps
        do {
            let failure = try await run(steps, start, timeout: timeout, file, line)
            if let failure, throwsFailures { throw failure }
        } catch {
            steps.end(with: error)
            throw error
        }
        return result
    }

    /// Runs statements in one transaction and one round trip.
    ///
    /// Suspends like `withPipeline`.
    ///
    /// - Parameters:
    ///   - queries: The statements, in order.
    ///   - timeout: As in ``query(_:timeout:file:line:)``, for all statements.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The rows of each statement, in the order of `queries`.
    /// - Throws: As `withPipeline`. Nothing is changed then, unless the outcome of the error is
    ///   `unknown`.
    public func batch(
        _ queries: some Sequence<PostgresQuery>,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [PostgresRows] {
        let results = try await withPipeline(timeout: timeout, file: file, line: line) { pipeline in
            queries.map { pipeline.query($0) }
        }
        return try results.map { try $0.get() }
    }

    /// Runs a statement for each element, all in one transaction.
    ///
    /// The statements are sent in pipelines of up to 1,000. Up to that number, the call takes one
    /// round trip, and three more than that for a larger collection. Suspends until a connection
    /// is free and the server has answered.
    ///
    /// ```swift
    /// try await pool.executeMany(users) { "INSERT INTO users (name) VALUES (\($0.name))" }
    /// ```
    ///
    /// - Parameters:
    ///   - elements: The elements.
    ///   - timeout: As in ``query(_:timeout:file:line:)``, for all statements.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - statement: Returns the statement for an element.
    /// - Returns: The number of rows that the statements returned or changed.
    /// - Throws: As `withPipeline`. Nothing is changed then, unless the outcome of the error is
    ///   `unknown`.
    @discardableResult
    public func executeMany<Elements: Collection>(
        _ elements: Elements,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ statement: (Elements.Element) throws -> PostgresQuery
    ) async throws -> Int {
        if elements.count <= PostgresConnection.statementsPerPipeline {
            return try await withPipeline(timeout: timeout, file: file, line: line) { pipeline in
                try elements.map { pipeline.count(try statement($0)) }
            }.total()
        }
        return try await withTransaction(timeout: timeout, file: file, line: line) { db in
            try await db.executeMany(elements, statement)
        }
    }

    private func run(
        _ steps: [PostgresPipeline.Step],
        _ start: TransactionStart?,
        timeout: Duration?,
        _ file: StaticString,
        _ line: UInt
    ) async throws -> PostgresError? {
        if steps.isEmpty { return nil }
        return try await runRetrying(timeout: timeout, file, line) { db, limit in
            for case .statement(_, let answer) in steps { answer.set(.pending) }
            return try await db.run(steps, start, limit)
        }
    }
}

extension PostgresConnection {
    static var statementsPerPipeline: Int { 1_000 }

    /// Runs a statement for each element, in pipelines of up to 1,000.
    ///
    /// Outside a transaction, each pipeline is committed by itself.
    ///
    /// - Parameters:
    ///   - elements: The elements.
    ///   - timeout: The time limit for each pipeline; by default the configuration's
    ///     `statementTimeout`.
    ///   - statement: Returns the statement for an element.
    /// - Returns: The number of rows that the statements returned or changed.
    /// - Throws: As ``withPipeline(isolation:readOnly:settings:timeout:throwsFailures:_:)``.
    @discardableResult
    public func executeMany<Elements: Collection>(
        _ elements: Elements,
        timeout: Duration? = nil,
        _ statement: (Elements.Element) throws -> PostgresQuery
    ) async throws -> Int {
        var rest = elements[...]
        var rowCount = 0
        while !rest.isEmpty {
            let next = rest.prefix(PostgresConnection.statementsPerPipeline)
            rest = rest.dropFirst(next.count)
            rowCount += try await withPipeline(timeout: timeout) { pipeline in
                try next.map { pipeline.count(try statement($0)) }
            }.total()
        }
        return rowCount
    }
}

extension [PostgresPipeline.Result<Int>] {
    fileprivate func total() throws -> Int { try reduce(0) { $0 + (try $1.get()) } }
}
