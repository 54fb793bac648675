// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

// The databases of a connection: `main`, and the attached ones.

extension Session {
    /// The schema names of all databases, the main database first.
    func databaseNames() throws(SQLiteError) -> [String] {
        try column("SELECT name FROM pragma_database_list ORDER BY seq")
    }

    /// The schema names of the databases that have a file, the main database first.
    func databasesWithFiles() throws(SQLiteError) -> [String] {
        try databaseNames().filter { $0 != "temp" && !path(of: $0).isEmpty }
    }

    /// Returns the path of a database's file; empty for a database in memory.
    func path(of database: String) -> String {
        unsafe sqlite3_db_filename(handle, database).map { unsafe String(cString: $0) } ?? ""
    }

    func journalMode(of database: String) throws(SQLiteError) -> String? {
        try pragma("\(SQLiteQuery.quoted(database)).journal_mode")
    }

    /// Converts the attached databases to WAL mode, and sets their synchronization as the
    /// configuration does for the main database.
    ///
    /// With a rollback journal, a reader of this pool would make the writer's commits fail. A
    /// database that is attached read-only, or that is in memory, stays as it is.
    ///
    /// - Throws: `SQLiteError` with the code `writeAheadLogUnavailable` if a database does not
    ///   support WAL mode.
    func prepareAttachedDatabases(_ configuration: SQLiteConfiguration) throws(SQLiteError) {
        for database in try databasesWithFiles() where database != "main" {
            guard unsafe sqlite3_db_readonly(handle, database) == 0 else { continue }
            let name = SQLiteQuery.quoted(database)
            let mode = try turnOnLog(of: name)
            guard mode == "wal" else {
                throw SQLiteError(
                    .writeAheadLogUnavailable,
                    "the attached database “\(database)” stays in journal mode “\(mode ?? "")”: attach it read-only"
                )
            }
            try pragma("\(name).synchronous = \(configuration.synchronous.rawValue)")
            if let limit = configuration.checkpoints.retainedLogBytes {
                try pragma("\(name).journal_size_limit = \(limit)")
            }
        }
    }

    /// Converts a database to WAL mode. Waits for locks of other connections, for the busy timeout
    /// at most.
    ///
    /// SQLite upgrades a read lock for that. It then does not call the busy handler, because two
    /// connections that do the same would wait for each other. Between two attempts there is no
    /// lock.
    ///
    /// - Parameter database: The name of the database in SQL.
    /// - Returns: The journal mode, which is `wal` if the database supports it.
    func turnOnLog(of database: String) throws(SQLiteError) -> String? {
        let start = ContinuousClock.now
        var attempts: Int32 = 0
        while true {
            do throws(SQLiteError) {
                return try pragma("\(database).journal_mode = WAL")
            } catch {
                guard error.code.primary == .busy, pauseForLock(since: start, attempts: attempts) else { throw error }
                attempts += 1
            }
        }
    }
}
