// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || SQLiteMigrations
    public import SQLitePooling

    extension SQLiteMigrations {
        /// Applies the migrations that are not applied, in order, and creates the table that
        /// records them if it is missing.
        ///
        /// Each migration runs on the writer in a transaction of its own, which holds the write
        /// lock from its beginning (`BEGIN IMMEDIATE`). If another process applies migrations at
        /// the same time, the call waits for it. Without a pending migration the call only reads.
        ///
        /// - Parameters:
        ///   - pool: A pool that may write.
        ///   - timeout: The time limit of the whole call; `nil`, the default, for none. The
        ///     migration in progress is rolled back at its end.
        ///   - progress: Receives events, on any thread.
        /// - Returns: The names of the migrations that this call has applied, in order.
        /// - Throws: ``MigrationError``, with the code `failed` or `foreignKeys` for a migration
        ///   that failed; earlier ones stay applied. `CancellationError` if the task is cancelled;
        ///   the migration in progress is rolled back. `SQLiteError` or `PoolError` if the file
        ///   cannot be opened, or the pool is closed or read-only.
        @discardableResult
        public func apply(
            to pool: SQLitePool,
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
        ///   - pool: A pool, which may be read-only.
        ///   - timeout: The time limit of the call; `nil`, the default, for none.
        /// - Throws: As ``apply(to:timeout:progress:)``, without running a migration.
        public func pending(in pool: SQLitePool, timeout: Duration? = nil) async throws -> [String] {
            try await list.applicable(after: records(in: pool, timeout)).map(\.name)
        }

        /// Returns the state of each migration: those of the list in its order, then those that
        /// only the database has.
        ///
        /// - Parameters:
        ///   - pool: A pool, which may be read-only.
        ///   - timeout: The time limit of the call; `nil`, the default, for none.
        /// - Throws: `SQLiteError` or `PoolError`; ``MigrationError`` for an invalid name or one
        ///   that occurs twice; `CancellationError`.
        public func status(in pool: SQLitePool, timeout: Duration? = nil) async throws -> [MigrationStatus] {
            try await list.statuses(records(in: pool, timeout))
        }

        /// Runs the pending migrations in one transaction, which is rolled back.
        ///
        /// Ends before the first migration that has no transaction.
        ///
        /// - Parameters:
        ///   - pool: A pool that may write. No other call writes during the rehearsal.
        ///   - timeout: The time limit of the whole call; `nil`, the default, for none.
        /// - Returns: The names of the migrations that have run without an error.
        /// - Throws: As ``apply(to:timeout:progress:)``.
        public func rehearse(in pool: SQLitePool, timeout: Duration? = nil) async throws -> [String] {
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
        ///   - pool: A pool that may write.
        ///   - timeout: The time limit of the call; `nil`, the default, for none.
        /// - Throws: ``MigrationError`` with the code `unknown` if the list has no such migration;
        ///   `SQLiteError`, `PoolError` or `CancellationError`.
        public func mark(
            _ name: String,
            as mark: MigrationStatus.Mark,
            in pool: SQLitePool,
            timeout: Duration? = nil
        ) async throws {
            let checksum = mark == .applied ? try list.entry(name).checksum : nil
            let table = try SQLiteMigrationTable(table)
            try await pool.write(timeout: timeout) { db in
                try table.create(db)
                switch mark {
                case .applied: try table.markApplied(name, checksum, db)
                case .pending: try table.remove(name, db)
                }
            }
        }

        private func records(in pool: SQLitePool, _ timeout: Duration?) async throws -> [MigrationRecord] {
            try await Target(pool: pool, migrations: self, deadline: deadline(after: timeout)) { _ in }.records()
        }
    }
#endif
