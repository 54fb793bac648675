// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import SQLitePooling

extension Benchmark {
    /// The end of a trial that went well: it stops a walk through the rows, and takes back what a transaction did.
    private struct TrialIsOver: Error {}

    /// Finds out whether the statements can run, before the clients do and without changing a row.
    ///
    /// - Throws: ``CommandFailure`` with the reason why they cannot.
    public func checkStatements() async throws(CommandFailure) {
        var configuration = SQLiteConfiguration()
        configuration.mode = .readOnly
        configuration.maximumReaders = 1
        // The file is not opened for writing before both statements are known to be good.
        try await tryOut(configuration) { pool throws in
            try await pool.read { db in
                try checkReading(db)
                try checkWriting(db)
            }
        }
        guard plan.write != nil else { return }
        configuration.mode = .readWrite
        do throws(CommandFailure) {
            try await tryOut(configuration) { pool throws in
                try await pool.write { db in
                    try tryWriting(db)
                }
            }
        } catch {
            await restoreJournal()
            throw error
        }
    }

    /// The pool of the run.
    func openPool() throws(CommandFailure) -> SQLitePool {
        var configuration = SQLiteConfiguration()
        configuration.mode = plan.write == nil ? .readOnly : .readWrite
        configuration.maximumReaders = plan.connections
        // Everybody may wait, for as long as it takes: the run tells how long that is.
        configuration.maximumWaiters = plan.clients
        configuration.checkoutTimeout = .seconds(BenchmarkPlan.maximumSeconds)
        return try openPool(configuration)
    }

    /// Gives a database that had a rollback journal one again, after a pool that writes has given it a write-ahead log.
    ///
    /// Where somebody else uses the database by now it keeps the log, with which it works as well.
    func restoreJournal() async {
        guard plan.write != nil, hadRollbackJournal else { return }
        var configuration = SQLiteConfiguration()
        configuration.mode = .readWrite
        guard let pool = try? openPool(configuration) else { return }
        _ = try? await pool.writeWithoutTransaction { db in
            try db.query("PRAGMA journal_mode = DELETE", as: String.self)
        }
        await pool.close()
    }

    private func openPool(_ configuration: SQLiteConfiguration) throws(CommandFailure) -> SQLitePool {
        do {
            return try SQLitePool(path: file.path, configuration: configuration)
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

// MARK: - On a connection

extension Benchmark {
    private func checkReading(_ db: borrowing SQLiteConnection) throws {
        let statement = trialStatement(plan.read)
        do {
            let shape = try db.describe(statement)
            guard shape.isReadOnly else {
                throw CommandFailure.usage("--sql writes: a statement that writes belongs to --write-sql")
            }
            guard !shape.columnNames.isEmpty else {
                throw CommandFailure.usage("--sql is not a query: it gives no columns")
            }
            try db.forEachRow(statement) { _ in throw TrialIsOver() }
        } catch let error as SQLiteError {
            throw CommandFailure.runtime("--sql: \(error)")
        } catch is TrialIsOver {
            return
        }
    }

    private func checkWriting(_ db: borrowing SQLiteConnection) throws {
        guard let write = plan.write else { return }
        do {
            guard try !db.describe(trialStatement(write)).isReadOnly else {
                throw CommandFailure.usage("--write-sql does not write: a statement that reads belongs to --sql")
            }
        } catch let error as SQLiteError {
            throw CommandFailure.runtime("--write-sql: \(error)")
        }
    }

    /// Runs the writing statement and has it rolled back.
    private func tryWriting(_ db: borrowing SQLiteConnection) throws {
        guard let write = plan.write else { return }
        do {
            try db.forEachRow(trialStatement(write)) { _ in }
        } catch let error as SQLiteError {
            throw CommandFailure.runtime("--write-sql: \(error)")
        }
        throw TrialIsOver()
    }

    private func trialStatement(_ template: StatementTemplate) -> SQL {
        var generator = SystemRandomNumberGenerator()
        return SQL(template, values: template.drawValues(using: &generator))
    }
}
