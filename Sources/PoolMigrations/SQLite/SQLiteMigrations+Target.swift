// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || SQLiteMigrations
    internal import ConnectionPooling
    internal import SQLitePooling

    extension SQLiteMigrations {
        /// A database to which migrations are applied.
        struct Target: MigrationTarget {
            let pool: SQLitePool
            let list: MigrationList<Content>
            let table: SQLiteMigrationTable
            let deadline: ContinuousClock.Instant?
            let progress: @Sendable (MigrationEvent) -> Void

            init(
                pool: SQLitePool,
                migrations: SQLiteMigrations,
                deadline: ContinuousClock.Instant?,
                progress: @escaping @Sendable (MigrationEvent) -> Void
            ) throws(MigrationError) {
                self.pool = pool
                list = migrations.list
                table = try SQLiteMigrationTable(migrations.table)
                self.deadline = deadline
                self.progress = progress
            }

            func records() async throws -> [MigrationRecord] {
                try await pool.read(timeout: remainingTime(until: deadline)) { [table] db in try table.records(db) }
            }

            func apply(_ migration: PendingMigration<Content>, _ hasBegun: Flag) async throws -> MigrationAttempt {
                do {
                    return switch migration.entry.transaction {
                    case .own where migration.unfinished == nil: try await applyInTransaction(migration, hasBegun)
                    case .own, .none: try await applyWithoutTransaction(migration, hasBegun)
                    }
                } catch let error as SQLiteError where error.code.primary == .busy && !hasBegun.isSet {
                    // Another process writes, perhaps a migration.
                    return .busy
                }
            }
        }
    }

    extension SQLiteMigrations.Target {
        private func applyInTransaction(
            _ migration: PendingMigration<SQLiteMigrations.Content>,
            _ hasBegun: Flag
        ) async throws -> MigrationAttempt {
            let (name, content) = (migration.name, migration.entry.content)
            let clock = ContinuousClock()
            return try await pool.writeWithoutTransaction(timeout: remainingTime(until: deadline)) { db in
                let checksForeignKeys = try content.prepareForeignKeys(db)
                try db.execute("BEGIN IMMEDIATE")
                guard try isNext(migration, db) else {
                    try db.execute("ROLLBACK")
                    return .superseded
                }
                hasBegun.set()
                progress(.began(name))
                let start = clock.now
                try table.begin(name, migration.entry.checksum, db)
                // Within a savepoint, a statement that ends the transaction fails.
                try db.withSavepoint { db in try content.run(db) }
                if checksForeignKeys { try SQLiteMigrations.checkForeignKeys(after: name, db) }
                try table.finish(name, db)
                try db.execute("COMMIT")
                return .applied(start.duration(to: clock.now))
            }
        }

        /// Applies a migration without a transaction, under the lock of a file.
        private func applyWithoutTransaction(
            _ migration: PendingMigration<SQLiteMigrations.Content>,
            _ hasBegun: Flag
        ) async throws -> MigrationAttempt {
            let (name, content) = (migration.name, migration.entry.content)
            let clock = ContinuousClock()
            do {
                return try await pool.writeWithoutTransaction(timeout: remainingTime(until: deadline)) { db in
                    guard let lock = try MigrationLock(db) else { return .busy }
                    defer { lock.release() }
                    try db.execute("BEGIN IMMEDIATE")
                    guard try isNext(migration, db) else {
                        try db.execute("ROLLBACK")
                        return .superseded
                    }
                    hasBegun.set()
                    progress(.began(name))
                    let start = clock.now
                    try table.begin(name, migration.entry.checksum, db)
                    try db.execute("COMMIT")
                    try content.run(db)
                    try table.finish(name, db)
                    return .applied(start.duration(to: clock.now))
                }
            } catch {
                if hasBegun.isSet { await recordFailure(of: name, error) }
                throw error
            }
        }

        /// Returns whether a migration is still the first pending one, and creates the table if it
        /// is missing.
        ///
        /// - Throws: `MigrationError` for a migration that has begun and not ended, and is not
        ///   running.
        private func isNext(
            _ migration: PendingMigration<SQLiteMigrations.Content>,
            _ db: borrowing SQLiteConnection
        ) throws -> Bool {
            try table.create(db)
            let next = try list.pending(after: table.records(db)).first
            guard let next, next.name == migration.name else { return false }
            // The outer call looks again, and takes the lock that tells whether the migration is
            // running.
            guard (next.unfinished == nil) == (migration.unfinished == nil) else { return false }
            if let record = next.unfinished { throw unfinished(record) }
            return true
        }

        /// Records why a migration without a transaction failed, also if the task is cancelled. If
        /// that fails, the migration is recorded as unfinished nevertheless.
        private func recordFailure(of name: String, _ error: any Error) async {
            let failure = "\(error)"
            await Task { [pool, table] in
                try? await pool.write(timeout: .seconds(5)) { db in try table.fail(name, failure, db) }
            }.value
        }

        /// Runs the pending migrations with a transaction, and rolls all of them back.
        ///
        /// - Returns: The names of the migrations that have run.
        func rehearse() async throws -> [String] {
            let current = Locked<String?>(nil)
            do {
                return try await pool.writeWithoutTransaction(timeout: remainingTime(until: deadline)) { db in
                    // The first migration decides for all: the pragma has no effect within a
                    // transaction.
                    var names: [String] = []
                    let pending = try list.applicable(after: table.records(db))
                    let enforces = try db.queryOne("PRAGMA foreign_keys", as: Bool.self)
                    if enforces { try db.execute("PRAGMA foreign_keys = OFF") }
                    try db.execute("BEGIN IMMEDIATE")
                    for migration in pending.prefix(while: { $0.entry.transaction == .own }) {
                        current.withLock { $0 = migration.name }
                        let content = migration.entry.content
                        try db.withSavepoint { db in try content.run(db) }
                        if enforces, content.checks != .disabled {
                            try SQLiteMigrations.checkForeignKeys(after: migration.name, db)
                        }
                        names.append(migration.name)
                    }
                    try db.execute("ROLLBACK")
                    return names
                }
            } catch {
                guard let name = current.withLock({ $0 }), !(error is CancellationError) else { throw error }
                throw MigrationError.failed(name, error)
            }
        }
    }

    extension SQLiteMigrations.Content {
        func run(_ db: borrowing SQLiteConnection) throws {
            switch self {
            case .script(let script, _): try db.executeScript(script)
            case .body(let body, _): try body(db)
            }
        }

        /// Turns the enforcement of foreign keys off, unless the migration runs with it. The pool
        /// restores it at the end of the call.
        ///
        /// - Returns: Whether the foreign keys must be checked before the commit.
        fileprivate func prepareForeignKeys(_ db: borrowing SQLiteConnection) throws -> Bool {
            guard checks != .immediate, try db.queryOne("PRAGMA foreign_keys", as: Bool.self) else { return false }
            try db.execute("PRAGMA foreign_keys = OFF")
            return checks == .deferred
        }
    }

    extension SQLiteMigrations {
        /// Throws if a row refers to a row that does not exist.
        fileprivate static func checkForeignKeys(after name: String, _ db: borrowing SQLiteConnection) throws {
            var count = 0
            var first: String?
            try db.forEachRow("PRAGMA main.foreign_key_check") { row in
                count += 1
                guard first == nil else { return }
                let (table, rowID, parent) = (
                    try row.decode(String.self, at: 0), try row.decode(Int64?.self, at: 1),
                    try row.decode(String.self, at: 2)
                )
                first = "row \(rowID.map { "\($0)" } ?? "without ID") of \(table) refers to no row of \(parent)"
            }
            guard let first else { return }
            throw MigrationError(
                .foreignKeys,
                "it violates \(count) foreign key\(count == 1 ? "" : "s"): \(first)",
                migration: name
            )
        }
    }
#endif
