// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if AllMigrations || SQLiteMigrations
    internal import SQLitePooling

    #if canImport(FoundationEssentials)
        internal import FoundationEssentials
    #else
        internal import Foundation
    #endif

    /// The table that records the applied migrations.
    struct SQLiteMigrationTable: Sendable {
        private let name: String

        /// The current time, in the format of ISO 8601.
        private static let now: SQLiteQuery = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

        init(_ name: String) throws(MigrationError) {
            guard !name.isEmpty, !name.utf8.contains(0), !name.lowercased().hasPrefix("sqlite_") else {
                throw MigrationError(
                    .invalidConfiguration,
                    "the name of the table of migrations is empty, begins with sqlite_ or has a NUL character"
                )
            }
            self.name = name
        }

        func create(_ db: borrowing SQLiteConnection) throws {
            try db.execute(
                """
                CREATE TABLE IF NOT EXISTS main.\(identifier: name) (
                    position INTEGER PRIMARY KEY,
                    name TEXT NOT NULL UNIQUE,
                    checksum TEXT,
                    began_at TEXT NOT NULL,
                    finished_at TEXT,
                    failure TEXT
                )
                """
            )
        }

        func records(_ db: borrowing SQLiteConnection) throws -> [MigrationRecord] {
            let exists = try db.queryOne(
                "SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = \(name) COLLATE NOCASE)",
                as: Bool.self
            )
            guard exists else { return [] }
            // The epoch of Julian days, so that no strategy for dates matters.
            let rows = try db.query(
                """
                SELECT name, checksum, (julianday(began_at) - 2440587.5) * 86400.0,
                    (julianday(finished_at) - 2440587.5) * 86400.0, failure
                FROM main.\(identifier: name) ORDER BY position
                """,
                as: (String, String?, Double, Double?, String?).self
            )
            return rows.map { name, checksum, began, finished, failure in
                MigrationRecord(
                    name: name,
                    checksum: checksum,
                    beganAt: Date(timeIntervalSince1970: began),
                    finishedAt: finished.map { Date(timeIntervalSince1970: $0) },
                    failure: failure
                )
            }
        }

        func begin(_ migration: String, _ checksum: String?, _ db: borrowing SQLiteConnection) throws {
            try db.execute(
                "INSERT INTO main.\(identifier: name) (name, checksum, began_at) VALUES (\(migration), \(checksum), \(sql: Self.now))"
            )
        }

        func finish(_ migration: String, _ db: borrowing SQLiteConnection) throws {
            let updated = try db.execute(
                "UPDATE main.\(identifier: name) SET finished_at = \(sql: Self.now), failure = NULL WHERE name = \(migration)"
            )
            guard updated.rowCount == 1 else {
                throw MigrationError(.failed, "its record has disappeared", migration: migration)
            }
        }

        func fail(_ migration: String, _ failure: String, _ db: borrowing SQLiteConnection) throws {
            try db.execute(
                "UPDATE main.\(identifier: name) SET failure = \(failure) WHERE name = \(migration) AND finished_at IS NULL"
            )
        }

        func markApplied(_ migration: String, _ checksum: String?, _ db: borrowing SQLiteConnection) throws {
            try db.execute(
                """
                INSERT INTO main.\(identifier: name) (name, checksum, began_at, finished_at)
                VALUES (\(migration), \(checksum), \(sql: Self.now), \(sql: Self.now))
                ON CONFLICT (name) DO UPDATE
                SET checksum = excluded.checksum, finished_at = coalesce(finished_at, excluded.finished_at), failure = NULL
                """
            )
        }

        func remove(_ migration: String, _ db: borrowing SQLiteConnection) throws {
            try db.execute("DELETE FROM main.\(identifier: name) WHERE name = \(migration)")
        }
    }
#endif
