// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import SQLitePooling

/// A database file as a target.
struct SQLiteTarget: BenchmarkTarget {
    let file: DatabaseFile
    /// Whether the database had no write-ahead log before the run.
    let hadRollbackJournal: Bool

    init(_ file: DatabaseFile) {
        self.file = file
        hadRollbackJournal = file.hasRollbackJournal
    }

    var system: String { "SQLite" }
    var systemVersion: String? { nil }
    var database: String { file.path }

    func checkStatements(of plan: BenchmarkPlan) async throws(CommandFailure) {
        var configuration = SQLiteConfiguration(file.path)
        configuration.mode = .readOnly
        configuration.pool.maximumConnections = 1
        // Opens the file for writing only after both statements were checked.
        try await tryOut(configuration) { pool throws in
            try await pool.read { db in
                try checkReading(plan.read, db)
                if let write = plan.write { try checkWriting(write, db) }
            }
        }
        guard let write = plan.write else { return }
        configuration.mode = .readWrite
        do throws(CommandFailure) {
            try await tryOut(configuration) { pool throws in
                try await pool.write { db in
                    try tryWriting(write, db)
                }
            }
        } catch {
            await restoreJournal()
            throw error
        }
    }

    func open(for plan: BenchmarkPlan) throws(CommandFailure) -> any BenchmarkConnections {
        var configuration = SQLiteConfiguration(file.path)
        configuration.mode = plan.write == nil ? .readOnly : .readWrite
        configuration.pool.maximumConnections = plan.connections
        // All clients can wait without a timeout, because the run measures the waits.
        configuration.pool.maximumWaiters = plan.clients
        configuration.pool.checkoutTimeout = .seconds(BenchmarkPlan.maximumSeconds)
        return SQLiteConnections(target: self, pool: try openPool(configuration), writes: plan.write != nil)
    }

    /// Restores the rollback journal of a database that a writing pool has switched to a
    /// write-ahead log.
    ///
    /// If another process uses the database by then, it keeps the log, with which it works as
    /// well.
    fileprivate func restoreJournal() async {
        guard hadRollbackJournal else { return }
        var configuration = SQLiteConfiguration(file.path)
        configuration.mode = .readWrite
        guard let pool = try? openPool(configuration) else { return }
        _ = try? await pool.writeWithoutTransaction { db in
            try db.query("PRAGMA journal_mode = DELETE", as: String.self)
        }
        await pool.close()
    }

    private func openPool(_ configuration: SQLiteConfiguration) throws(CommandFailure) -> SQLitePool {
        do {
            return try SQLitePool(configuration)
        } catch {
            throw .runtime("cannot open \(file.path): \(error)")
        }
    }

    private func tryOut(
        _ configuration: SQLiteConfiguration,
        _ trial: (SQLitePool) async throws -> Void
    ) async throws(CommandFailure) {
        let pool = try openPool(configuration)
        var failure: CommandFailure?
        do {
            try await trial(pool)
        } catch let error as CommandFailure {
            failure = error
        } catch is TrialIsOver {
            failure = nil
        } catch let error as SQLiteError {
            failure = .runtime("\(error)")
        } catch {
            failure = .runtime("\(file.path): \(error)")
        }
        await pool.close()
        if let failure { throw failure }
    }
}

/// The pool of a run on a database file.
private struct SQLiteConnections: BenchmarkConnections {
    let target: SQLiteTarget
    let pool: SQLitePool
    let writes: Bool

    var executor: (any TaskExecutor)? { nil }

    var created: Int { pool.statistics.connectionsCreated }

    func read(_ template: StatementTemplate, values: [Int64]) async throws -> Use {
        let statement = SQLiteQuery(template, values: values)
        return try await pool.read { db in try Use(of: statement, on: db) }
    }

    func write(_ template: StatementTemplate, values: [Int64]) async throws -> Use {
        let statement = SQLiteQuery(template, values: values)
        return try await pool.write { db in try Use(of: statement, on: db) }
    }

    func close() async {
        await pool.close()
        if writes { await target.restoreJournal() }
    }
}

extension Use {
    fileprivate init(of statement: SQLiteQuery, on db: borrowing SQLiteConnection) throws {
        started = monotonicNanoseconds()
        var rows = 0
        try db.forEachRow(statement) { _ in rows += 1 }
        self.rows = rows
        ended = monotonicNanoseconds()
    }
}

// MARK: - Trials on a connection

/// The error that ends a successful trial: it stops the iteration of rows, and rolls back the
/// transaction.
struct TrialIsOver: Error {}

private func checkReading(_ read: StatementTemplate, _ db: borrowing SQLiteConnection) throws {
    let statement = trialStatement(read)
    do {
        let shape = try db.describe(statement)
        guard shape.isReadOnly else { throw CommandFailure.readWrites }
        guard !shape.columnNames.isEmpty else { throw CommandFailure.readIsNoQuery }
        try db.forEachRow(statement) { _ in throw TrialIsOver() }
    } catch let error as SQLiteError {
        throw CommandFailure.runtime("--sql: \(error)")
    } catch is TrialIsOver {
        return
    }
}

private func checkWriting(_ write: StatementTemplate, _ db: borrowing SQLiteConnection) throws {
    do {
        guard try !db.describe(trialStatement(write)).isReadOnly else { throw CommandFailure.writeDoesNot }
    } catch let error as SQLiteError {
        throw CommandFailure.runtime("--write-sql: \(error)")
    }
}

/// Runs the writing statement and rolls it back.
private func tryWriting(_ write: StatementTemplate, _ db: borrowing SQLiteConnection) throws {
    do {
        try db.forEachRow(trialStatement(write)) { _ in }
    } catch let error as SQLiteError {
        throw CommandFailure.runtime("--write-sql: \(error)")
    }
    throw TrialIsOver()
}

private func trialStatement(_ template: StatementTemplate) -> SQLiteQuery {
    SQLiteQuery(template, values: template.drawValues())
}

extension SQLiteQuery {
    /// Returns the statement of `template` with `values` bound to its parameters.
    fileprivate init(_ template: StatementTemplate, values: [Int64]) {
        self.init(unsafe: template.sql, parameters: values.map { .integer($0) })
    }
}

extension CommandFailure {
    /// The error for a reading statement that writes.
    static var readWrites: CommandFailure { usage("--sql writes: a statement that writes belongs to --write-sql") }
    /// The error for a reading statement that is not a query.
    static var readIsNoQuery: CommandFailure { usage("--sql is not a query: it returns no columns") }
    /// The error for a writing statement that only reads.
    static var writeDoesNot: CommandFailure {
        usage("--write-sql does not write: a statement that reads belongs to --sql")
    }
}
