// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

// The databases of a connection: `main`, and those that it has attached.

extension Session {
    /// The schema names of all databases, the main database first.
    func databaseNames() throws(SQLiteError) -> [String] {
        try column("SELECT name FROM pragma_database_list ORDER BY seq")
    }

    /// The schema names of the databases that have a file, the main database first.
    func databasesWithFiles() throws(SQLiteError) -> [String] {
        try databaseNames().filter { $0 != "temp" && !path(of: $0).isEmpty }
    }

    /// The path of a database's file; empty for one in memory.
    func path(of database: String) -> String {
        unsafe sqlite3_db_filename(handle, database).map { unsafe String(cString: $0) } ?? ""
    }

    func journalMode(of database: String) throws(SQLiteError) -> String? {
        try pragma("\(SQL.quoted(database)).journal_mode")
    }

    /// Gives the attached databases write-ahead logs and the configuration's synchronization, as the main database has them.
    ///
    /// With a rollback journal, a reader of this pool would make the writer's commits fail. A database that is attached for reading
    /// only, or that is in memory, stays as it is.
    ///
    /// - Throws: `SQLiteError` with the code `writeAheadLogUnavailable` if a database cannot have one.
    func prepareAttachedDatabases(_ configuration: SQLiteConfiguration) throws(SQLiteError) {
        for database in try databasesWithFiles() where database != "main" {
            guard unsafe sqlite3_db_readonly(handle, database) == 0 else { continue }
            let name = SQL.quoted(database)
            let mode = try pragma("\(name).journal_mode = WAL")
            guard mode == "wal" else {
                throw SQLiteError(
                    .writeAheadLogUnavailable,
                    "the attached database “\(database)” stays in journal mode “\(mode ?? "")”: attach it for reading only"
                )
            }
            try pragma("\(name).synchronous = \(configuration.synchronous.rawValue)")
            if let limit = configuration.checkpoints.retainedLogBytes {
                try pragma("\(name).journal_size_limit = \(limit)")
            }
        }
    }
}
