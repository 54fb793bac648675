// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || PostgresMigrations
    internal import PostgresPooling

    #if canImport(FoundationEssentials)
        internal import FoundationEssentials
    #else
        internal import Foundation
    #endif

    /// The name of the table that records the applied migrations.
    struct PostgresMigrationTable: Sendable {
        private let schema: String?
        private let name: String

        init(schema: String?, _ name: String) throws(MigrationError) {
            for name in [name, schema ?? "_"] {
                // The server shortens longer names.
                guard !name.isEmpty, name.utf8.count <= 63, !name.utf8.contains(0) else {
                    throw MigrationError(
                        .invalidConfiguration,
                        "the name of the table of migrations, or of its schema, has not 1 to 63 bytes, or has a NUL character"
                    )
                }
            }
            self.schema = schema
            self.name = name
        }

        /// Returns the table with its schema, so that a migration may change the search path.
        func resolve(_ db: borrowing PostgresConnection) async throws -> Resolved {
            if let schema { return Resolved(schema: schema, name: name) }
            let current = try await db.queryOne("SELECT pg_catalog.current_schema()::text", as: String?.self)
            guard let current else {
                throw MigrationError(
                    .invalidConfiguration,
                    "no schema of the search path exists: set the schema of the table of migrations"
                )
            }
            return Resolved(schema: current, name: name)
        }

        /// The table that records the applied migrations.
        struct Resolved: Sendable {
            let schema: String
            let name: String

            private var qualified: PostgresQuery { "\(identifier: schema).\(identifier: name)" }

            /// The key of the lock of this table's migrations. The locks of each database are its
            /// own.
            var lockKey: PostgresLockKey { PostgresLockKey("swift-lock-pool migrations: \(schema).\(name)") }

            private func exists(_ db: borrowing PostgresConnection) async throws -> Bool {
                try await db.queryOne(
                    """
                    SELECT EXISTS (
                        SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname OPERATOR(pg_catalog.=) \(schema) AND c.relname OPERATOR(pg_catalog.=) \(name)
                    )
                    """,
                    as: Bool.self
                )
            }

            /// Creates the table if it is missing.
            func create(_ db: borrowing PostgresConnection) async throws {
                // Also without the privilege to create one.
                if try await exists(db) { return }
                try await db.execute(
                    """
                    CREATE TABLE IF NOT EXISTS \(sql: qualified) (
                        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        name text NOT NULL UNIQUE,
                        checksum text,
                        began_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
                        finished_at timestamptz,
                        failure text
                    )
                    """
                )
            }

            /// Returns the rows; none if the table is missing.
            func records(_ db: borrowing PostgresConnection) async throws -> [MigrationRecord] {
                guard try await exists(db) else { return [] }
                let rows = try await db.query(
                    "SELECT name, checksum, began_at, finished_at, failure FROM \(sql: qualified) ORDER BY position",
                    as: (String, String?, Date, Date?, String?).self
                )
                return rows.map { name, checksum, began, finished, failure in
                    MigrationRecord(
                        name: name,
                        checksum: checksum,
                        beganAt: began,
                        finishedAt: finished,
                        failure: failure
                    )
                }
            }

            func begin(_ migration: String, _ checksum: String?, _ db: borrowing PostgresConnection) async throws {
                try await db.execute(
                    "INSERT INTO \(sql: qualified) (name, checksum) VALUES (\(migration), \(checksum))"
                )
            }

            func finish(_ migration: String, _ db: borrowing PostgresConnection) async throws {
                let updated = try await db.execute(
                    "UPDATE \(sql: qualified) SET finished_at = pg_catalog.clock_timestamp(), failure = NULL WHERE name = \(migration)"
                )
                guard updated.rowCount == 1 else {
                    throw MigrationError(.failed, "its record has disappeared", migration: migration)
                }
            }

            func fail(_ migration: String, _ failure: String, _ db: borrowing PostgresConnection) async throws {
                try await db.execute(
                    "UPDATE \(sql: qualified) SET failure = \(failure) WHERE name = \(migration) AND finished_at IS NULL"
                )
            }

            func markApplied(_ migration: String, _ checksum: String?, _ db: borrowing PostgresConnection) async throws
            {
                try await db.execute(
                    """
                    INSERT INTO \(sql: qualified) AS m (name, checksum, finished_at)
                    VALUES (\(migration), \(checksum), pg_catalog.clock_timestamp())
                    ON CONFLICT (name) DO UPDATE
                    SET checksum = excluded.checksum, finished_at = coalesce(m.finished_at, excluded.finished_at), failure = NULL
                    """
                )
            }

            func remove(_ migration: String, _ db: borrowing PostgresConnection) async throws {
                try await db.execute("DELETE FROM \(sql: qualified) WHERE name = \(migration)")
            }
        }
    }
#endif
