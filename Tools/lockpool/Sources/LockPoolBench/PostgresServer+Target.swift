// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import PostgresPooling
internal import Synchronization

extension PostgresServer: BenchmarkTarget {
    var system: String { "PostgreSQL" }

    func checkStatements(of plan: BenchmarkPlan) async throws(CommandFailure) {
        do {
            try await withConnection { db in
                try await tryReading(plan.read, db)
                if let write = plan.write { try await tryWriting(write, db) }
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .runtime("\(database): \(error)")
        }
    }

    func open(for plan: BenchmarkPlan) throws(CommandFailure) -> any BenchmarkConnections {
        let executor = plan.isOnOneThread ? PostgresExecutor() : nil
        let pool = try pool(connections: plan.connections, waiters: plan.clients, executor: executor)
        return PostgresConnections(pool, on: executor)
    }
}

/// The pool of a run on a server.
private final class PostgresConnections: BenchmarkConnections {
    private let pool: PostgresPool
    /// The server processes that have answered, one for each connection.
    private let processes = Mutex<Set<Int32>>([])

    let executor: (any TaskExecutor)?

    init(_ pool: PostgresPool, on executor: PostgresExecutor?) {
        self.pool = pool
        self.executor = executor
    }

    var created: Int { processes.withLock { $0.count } }

    func read(_ template: StatementTemplate, values: [Int64]) async throws -> Use {
        let query = PostgresQuery(template, values: values)
        let (process, use) = try await pool.withConnection { db in
            let started = monotonicNanoseconds()
            let rows = try await db.query(query).count
            return (db.serverProcess, Use(started: started, ended: monotonicNanoseconds(), rows: rows))
        }
        processes.withLock { _ = $0.insert(process) }
        return use
    }

    /// A single statement is a transaction, so its time includes the commit.
    func write(_ template: StatementTemplate, values: [Int64]) async throws -> Use {
        try await read(template, values: values)
    }

    func close() async { await pool.close() }
}

// MARK: - Trials on a connection

/// Runs the reading statement in a read-only transaction.
private func tryReading(_ read: StatementTemplate, _ db: borrowing PostgresConnection) async throws {
    let query = PostgresQuery(read, values: read.drawValues())
    do {
        try await db.withTransaction(readOnly: true) { db in
            guard try await !db.query(query).columnNames.isEmpty else { throw CommandFailure.readIsNoQuery }
        }
    } catch let error as PostgresError {
        if error.sqlState == .readOnlyTransaction { throw CommandFailure.readWrites }
        // The statement begins or ends a transaction.
        if error.code == .transactionControl { throw CommandFailure.readIsNoQuery }
        throw CommandFailure.runtime("--sql: \(error)")
    }
}

/// Runs the writing statement and rolls it back.
private func tryWriting(_ write: StatementTemplate, _ db: borrowing PostgresConnection) async throws {
    let query = PostgresQuery(write, values: write.drawValues())
    do {
        // Only the server knows the effect of a statement: it refuses a write in a read-only
        // transaction.
        do {
            try await db.withTransaction(readOnly: true) { db in
                try await db.execute(query)
                throw CommandFailure.writeDoesNot
            }
        } catch let error as PostgresError where error.sqlState == .readOnlyTransaction {}
        try await db.withTransaction { db in
            try await db.execute(query)
            throw TrialIsOver()
        }
    } catch is TrialIsOver {
        return
    } catch let error as PostgresError {
        throw CommandFailure.runtime("--write-sql: \(error)")
    }
}

extension PostgresQuery {
    /// Returns the statement of `template` with values for its parameters.
    fileprivate init(_ template: StatementTemplate, values: [Int64]) {
        self.init(unsafe: template.sql, parameters: values.map { PostgresParameter($0) })
    }
}
