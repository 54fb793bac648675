// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A database that a run can use.
protocol BenchmarkTarget: Sendable {
    /// The database system, for the report.
    var system: String { get }
    /// The version of the system, if it is known.
    var systemVersion: String? { get }
    /// The database, for the report. Contains no password.
    var database: String { get }

    /// Checks that the statements can run, without changing a row.
    ///
    /// - Throws: ``CommandFailure`` with the reason why they cannot.
    func checkStatements(of plan: BenchmarkPlan) async throws(CommandFailure)

    /// Returns the connections that the clients of `plan` share.
    func open(for plan: BenchmarkPlan) throws(CommandFailure) -> any BenchmarkConnections
}

/// The connections of a run: a pool of any database, and its operations.
protocol BenchmarkConnections: Sendable {
    /// The executor of the clients; `nil` for the default executor.
    var executor: (any TaskExecutor)? { get }

    /// The number of connections that were opened so far.
    var created: Int { get }

    /// Runs a statement that reads, with a value for each of its parameters.
    func read(_ template: StatementTemplate, values: [Int64]) async throws -> Use

    /// Runs a statement that writes, in a separate transaction.
    func write(_ template: StatementTemplate, values: [Int64]) async throws -> Use

    /// Closes the connections, and restores the database's settings.
    func close() async
}

/// One execution of a statement, including the receipt of all its rows.
struct Use: Sendable {
    var started: UInt64
    var ended: UInt64
    var rows: Int
}
