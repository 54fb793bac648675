// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// SQLite's plan for a statement, a tree of steps.
///
/// ```swift
/// let plan = try await pool.explain("SELECT name FROM user WHERE city = \(city) ORDER BY name")
/// print(plan)
/// // SEARCH user USING INDEX user_city (city=?)
/// // USE TEMP B-TREE FOR ORDER BY
/// ```
///
/// The texts of steps are for humans, and differ between versions of SQLite.
public struct SQLiteQueryPlan: Hashable, Sendable {
    /// A step of a plan.
    public struct Step: Hashable, Sendable {
        /// SQLite's description, such as `SCAN user`. It names tables, indexes and columns, and
        /// contains no values.
        public let detail: String

        /// The steps that the step consists of, such as those of a subquery.
        public let steps: [Step]

        /// Whether the step visits all rows of a table, of an index or of a subquery.
        public var isScan: Bool { detail.hasPrefix("SCAN ") && detail != "SCAN CONSTANT ROW" }
    }

    /// The steps, in the order in which they are nested.
    public let steps: [Step]

    /// All steps at any depth, each before those that it consists of.
    ///
    /// - Complexity: O(number of steps).
    public var allSteps: [Step] {
        func all(_ steps: [Step]) -> [Step] { steps.flatMap { [$0] + all($0.steps) } }
        return all(steps)
    }

    fileprivate init(_ rows: [(id: Int, parent: Int, detail: String)]) {
        // SQLite returns a step before those that it consists of.
        let children = Dictionary(grouping: rows, by: \.parent)
        func subtree(of parent: Int) -> [Step] {
            (children[parent] ?? []).map { Step(detail: $0.detail, steps: subtree(of: $0.id)) }
        }
        steps = subtree(of: 0)
    }
}

extension SQLiteQueryPlan: CustomStringConvertible {
    /// A line for each step, indented by two spaces for each level.
    public var description: String {
        func lines(_ steps: [Step], _ indentation: String) -> [String] {
            steps.flatMap { [indentation + $0.detail] + lines($0.steps, indentation + "  ") }
        }
        return lines(steps, "").joined(separator: "\n")
    }
}

extension SQLiteConnection {
    /// Returns SQLite's plan for a statement (`EXPLAIN QUERY PLAN`), which does not run.
    ///
    /// - Parameter sql: One statement. The plan can depend on the values of its parameters.
    /// - Returns: The plan; without steps for a statement that reads no table.
    /// - Throws: ``SQLiteError``, as for the statement itself.
    public func explain(_ sql: SQLiteQuery) throws(SQLiteError) -> SQLiteQueryPlan {
        let rows = try query("EXPLAIN QUERY PLAN \(sql: sql)", as: (Int, Int, Int, String).self)
        return SQLiteQueryPlan(rows.map { (id: $0.0, parent: $0.1, detail: $0.3) })
    }
}

extension SQLitePool {
    /// Returns SQLite's plan for a statement (`EXPLAIN QUERY PLAN`), which does not run.
    ///
    /// Suspends as ``read(timeout:checkoutTimeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - sql: One statement, which may be a writing one. The plan can depend on the values of
    ///     its parameters.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The plan; without steps for a statement that reads no table.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``.
    public func explain(
        _ sql: SQLiteQuery,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteQueryPlan {
        try await runOnReader(timeout, file, line) { db in try db.explain(sql) }
    }
}
