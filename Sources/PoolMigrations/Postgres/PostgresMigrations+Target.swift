// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || PostgresMigrations
    internal import ConnectionPooling
    internal import PostgresPooling

    extension PostgresMigrations {
        /// A database to which migrations are applied.
        struct Target: MigrationTarget {
            let pool: PostgresPool
            let list: MigrationList<Content>
            let table: PostgresMigrationTable
            let settings: [String: String]
            let deadline: ContinuousClock.Instant?
            let progress: @Sendable (MigrationEvent) -> Void

            init(
                pool: PostgresPool,
                migrations: PostgresMigrations,
                deadline: ContinuousClock.Instant?,
                progress: @escaping @Sendable (MigrationEvent) -> Void
            ) throws(MigrationError) {
                self.pool = pool
                list = migrations.list
                table = try PostgresMigrationTable(schema: migrations.schema, migrations.table)
                settings = migrations.settings
                self.deadline = deadline
                self.progress = progress
            }

            func records() async throws -> [MigrationRecord] {
                try await pool.withConnection(timeout: remainingTime(until: deadline)) { db in
                    try await table.resolve(db).records(db)
                }
            }

            func apply(_ migration: PendingMigration<Content>, _ hasBegun: Flag) async throws -> MigrationAttempt {
                switch migration.entry.transaction {
                case .own: try await applyInTransaction(migration, hasBegun)
                case .none: try await applyWithoutTransaction(migration, hasBegun)
                }
            }
        }
    }

    extension PostgresMigrations.Target {
        private func applyInTransaction(
            _ migration: PendingMigration<PostgresMigrations.Content>,
            _ hasBegun: Flag
        ) async throws -> MigrationAttempt {
            let name = migration.name
            let clock = ContinuousClock()
            return try await pool.withTransaction(
                isolation: .readCommitted,
                settings: settings,
                timeout: remainingTime(until: deadline)
            ) { db in
                let table = try await table.resolve(db)
                guard try await db.tryAdvisoryLock(table.lockKey) else { return .busy }
                guard try await isNext(migration, table, db) else { return .superseded }
                hasBegun.set()
                progress(.began(name))
                let start = clock.now
                try await table.begin(name, migration.entry.checksum, db)
                try await migration.entry.content.run(db)
                try await table.finish(name, db)
                return .applied(start.duration(to: clock.now))
            }
        }

        private func applyWithoutTransaction(
            _ migration: PendingMigration<PostgresMigrations.Content>,
            _ hasBegun: Flag
        ) async throws -> MigrationAttempt {
            let name = migration.name
            let clock = ContinuousClock()
            let recorded = Locked<PostgresMigrationTable.Resolved?>(nil)
            do {
                return try await pool.withConnection(timeout: remainingTime(until: deadline)) { db in
                    let table = try await table.resolve(db)
                    recorded.withLock { $0 = table }
                    let attempt = try await db.trySessionAdvisoryLock(table.lockKey) { db -> MigrationAttempt in
                        guard try await isNext(migration, table, db) else { return .superseded }
                        hasBegun.set()
                        progress(.began(name))
                        let start = clock.now
                        try await table.begin(name, migration.entry.checksum, db)
                        switch migration.entry.content {
                        case .script(let script): try await Self.runEach(of: script, db)
                        case .body(let body): try await body(db)
                        }
                        try await table.finish(name, db)
                        return .applied(start.duration(to: clock.now))
                    }
                    return attempt ?? .busy
                }
            } catch let error as PostgresError where error.code == .unsupported && !hasBegun.isSet {
                throw MigrationError(
                    .unsupported,
                    "it has no transaction, and needs a lock of a session, which a pooler may not keep: apply it through a "
                        + "connection without the pooler",
                    migration: name,
                    underlying: error
                )
            } catch {
                if hasBegun.isSet, let table = recorded.withLock({ $0 }) {
                    await recordFailure(of: name, in: table, error)
                }
                throw error
            }
        }

        /// Returns whether a migration is still the first pending one, and creates the table if it
        /// is missing.
        ///
        /// - Throws: `MigrationError` for a migration that has begun and not ended. It is not
        ///   running, because the caller holds the lock.
        private func isNext(
            _ migration: PendingMigration<PostgresMigrations.Content>,
            _ table: PostgresMigrationTable.Resolved,
            _ db: borrowing PostgresConnection
        ) async throws -> Bool {
            try await table.create(db)
            return try await list.applicable(after: table.records(db)).first?.name == migration.name
        }

        /// Sends each statement by itself: the server runs the statements of one message in one
        /// transaction.
        private static func runEach(of script: PostgresQuery, _ db: borrowing PostgresConnection) async throws {
            guard script.parameters.isEmpty else {
                // Throws the error for parameters of scripts.
                return try await db.executeScript(script)
            }
            for statement in PostgresScript(script.text).statements {
                try await db.executeScript(
                    PostgresQuery(unsafe: statement),
                    timeout: PostgresMigrations.Content.unlimited
                )
            }
        }

        /// Records why a migration without a transaction failed, also if the task is cancelled. If
        /// that fails, the migration is recorded as unfinished nevertheless.
        private func recordFailure(
            of name: String,
            in table: PostgresMigrationTable.Resolved,
            _ error: any Error
        ) async {
            let failure = "\(error)"
            await Task { [pool] in
                try? await pool.withConnection(timeout: .seconds(5)) { db in try await table.fail(name, failure, db) }
            }.value
        }

        /// Runs the pending migrations with a transaction, and rolls all of them back.
        ///
        /// - Returns: The names of the migrations that have run.
        func rehearse() async throws -> [String] {
            struct RolledBack: Error {}
            var current: String?
            var names: [String] = []
            do {
                try await pool.withTransaction(
                    isolation: .readCommitted,
                    settings: settings,
                    timeout: remainingTime(until: deadline)
                ) { db in
                    let pending = try await list.applicable(after: table.resolve(db).records(db))
                    for migration in pending.prefix(while: { $0.entry.transaction == .own }) {
                        current = migration.name
                        try await migration.entry.content.run(db)
                        names.append(migration.name)
                    }
                    // Deferred constraints are otherwise checked by COMMIT.
                    if current != nil { try await db.execute("SET CONSTRAINTS ALL IMMEDIATE") }
                    throw RolledBack()
                }
            } catch is RolledBack {
                // As intended.
            } catch {
                guard let current, !(error is CancellationError) else { throw error }
                throw MigrationError.failed(current, error)
            }
            return names
        }
    }

    extension PostgresMigrations.Content {
        /// More than any statement takes. The time limit of the call applies nevertheless.
        fileprivate static var unlimited: Duration { .seconds(100 * 365 * 86_400) }

        /// Runs the migration within a transaction.
        fileprivate func run(_ db: borrowing PostgresConnection) async throws {
            switch self {
            case .script(let script): try await db.executeScript(script, timeout: Self.unlimited)
            case .body(let body): try await body(db)
            }
        }
    }
#endif
