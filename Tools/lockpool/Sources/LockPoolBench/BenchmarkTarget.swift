// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A database that clients can take turns on.
protocol BenchmarkTarget: Sendable {
    /// Which system it is, for the report.
    var system: String { get }
    /// The version of the system, if it is known.
    var systemVersion: String? { get }
    /// Which of its databases it is, for the report. Without a password.
    var database: String { get }

    /// Finds out whether the statements can run, before the clients do and without changing a row.
    ///
    /// - Throws: ``CommandFailure`` with the reason why they cannot.
    func checkStatements(of plan: BenchmarkPlan) async throws(CommandFailure)

    /// The connections that the clients of `plan` share.
    func open(for plan: BenchmarkPlan) throws(CommandFailure) -> any BenchmarkConnections
}

/// The connections of a run, on any database: a pool and how to use it.
protocol BenchmarkConnections: Sendable {
    /// Where clients are to run; `nil` for where tasks run by default.
    var executor: (any TaskExecutor)? { get }

    /// How many connections were opened so far.
    var created: Int { get }

    /// Runs a statement that reads, with a value for each of its parameters.
    func read(_ template: StatementTemplate, values: [Int64]) async throws -> Use

    /// Runs a statement that writes in a transaction of its own.
    func write(_ template: StatementTemplate, values: [Int64]) async throws -> Use

    /// Closes the connections, and leaves the database as it is found between runs.
    func close() async
}

/// One execution of a statement on a connection, all its rows received.
struct Use: Sendable {
    var started: UInt64
    var ended: UInt64
    var rows: Int
}
