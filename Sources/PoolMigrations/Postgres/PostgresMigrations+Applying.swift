// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || PostgresMigrations
    public import PostgresPooling

    extension PostgresMigrations {
        /// Applies the migrations that are not applied, in order, and creates the table that
        /// records them if it is missing.
        ///
        /// Each migration has a transaction and a connection of its own, so that it begins with
        /// the settings of a new lease. It holds an advisory lock: one process at a time applies a
        /// migration, and the others wait. Without a pending migration the call only reads.
        ///
        /// Behind a pooler in transaction mode, migrations with a transaction work. Those without
        /// one need a lock of a session, and fail with the code `unsupported` before they begin.
        ///
        /// - Parameters:
        ///   - pool: A pool. The call uses one connection at a time.
        ///   - timeout: The time limit of the whole call; `nil`, the default, for none. The
        ///     migration in progress is rolled back at its end. The configuration's
        ///     `statementTimeout` does not limit scripts.
        ///   - progress: Receives events.
        /// - Returns: The names of the migrations that this call has applied, in order.
        /// - Throws: ``MigrationError``, with the code `failed` for a migration that failed;
        ///   earlier ones stay applied. `CancellationError` if the task is cancelled; the
        ///   migration in progress is rolled back. `PostgresError` or `PoolError` if there is no
        ///   connection, or the table of migrations cannot be read or created.
        @discardableResult
        public func apply(
            to pool: PostgresPool,
            timeout: Duration? = nil,
            progress: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
        ) async throws -> [String] {
            let deadline = deadline(after: timeout)
            let target = try Target(pool: pool, migrations: self, deadline: deadline, progress: progress)
            return try await list.apply(to: target, until: deadline, progress)
        }

        /// Returns the names of the migrations that ``apply(to:timeout:progress:)`` would apply,
        /// in order, and changes nothing.
        ///
        /// - Parameters:
        ///   - pool: A pool.
        ///   - timeout: The time limit of the call; `nil`, the default, for none.
        /// - Throws: As ``apply(to:timeout:progress:)``, without running a migration.
        public func pending(in pool: PostgresPool, timeout: Duration? = nil) async throws -> [String] {
            try await list.applicable(after: records(in: pool, timeout)).map(\.name)
        }

        /// Returns the state of each migration: those of the list in its order, then those that
        /// only the database has.
        ///
        /// - Parameters:
        ///   - pool: A pool.
        ///   - timeout: The time limit of the call; `nil`, the default, for none.
        /// - Throws: `PostgresError` or `PoolError`; ``MigrationError`` for a name that is invalid
        ///   or occurs twice; `CancellationError`.
        public func status(in pool: PostgresPool, timeout: Duration? = nil) async throws -> [MigrationStatus] {
            try await list.statuses(records(in: pool, timeout))
        }

        /// Runs the pending migrations in one transaction, which is rolled back.
        ///
        /// Ends before the first migration that has no transaction. The transaction locks the
        /// tables that the migrations change, and sequences that they advance stay advanced.
        ///
        /// - Parameters:
        ///   - pool: A pool.
        ///   - timeout: The time limit of the whole call; `nil`, the default, for none.
        /// - Returns: The names of the migrations that have run without an error.
        /// - Throws: As ``apply(to:timeout:progress:)``.
        public func rehearse(in pool: PostgresPool, timeout: Duration? = nil) async throws -> [String] {
            let deadline = deadline(after: timeout)
            return try await Target(pool: pool, migrations: self, deadline: deadline) { _ in }.rehearse()
        }

        /// Records that a migration is applied, or that it is not, without running it.
        ///
        /// For a migration that is unfinished, once the database has been examined or repaired;
        /// for a changed text that is accepted; and for a database whose schema is older than its
        /// migrations.
        ///
        /// - Parameters:
        ///   - name: The name of the migration. The list has it, unless `mark` is `pending`.
        ///   - mark: The new state.
        ///   - pool: A pool.
        ///   - timeout: The time limit of the call; `nil`, the default, for none.
        /// - Throws: ``MigrationError`` with the code `unknown` if the list has no such migration;
        ///   `PostgresError`, `PoolError` or `CancellationError`.
        public func mark(
            _ name: String,
            as mark: MigrationStatus.Mark,
            in pool: PostgresPool,
            timeout: Duration? = nil
        ) async throws {
            let checksum = mark == .applied ? try list.entry(name).checksum : nil
            let table = try PostgresMigrationTable(schema: schema, table)
            try await pool.withTransaction(isolation: .readCommitted, timeout: timeout) { db in
                let table = try await table.resolve(db)
                try await table.create(db)
                switch mark {
                case .applied: try await table.markApplied(name, checksum, db)
                case .pending: try await table.remove(name, db)
                }
            }
        }

        private func records(in pool: PostgresPool, _ timeout: Duration?) async throws -> [MigrationRecord] {
            try await Target(pool: pool, migrations: self, deadline: deadline(after: timeout)) { _ in }.records()
        }
    }
#endif
