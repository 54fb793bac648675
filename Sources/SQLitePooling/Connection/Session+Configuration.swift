// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Applies the configuration's pragmas for this kind of connection.
    func apply(_ pragmas: [SQLiteConfiguration.Pragma], of connections: SQLiteConfiguration.ConnectionKinds)
        throws(SQLiteError)
    {
        for pragma in pragmas where !pragma.connections.isDisjoint(with: connections) {
            // SQLite silently ignores an unknown pragma.
            guard try knows(pragma) else {
                throw SQLiteError(.invalidConfiguration, "pragmas: SQLite has no pragma “\(pragma.name)”")
            }
            if pragma.name.lowercased().hasSuffix("_heap_limit"), sqlite3_memory_used() == 0 {
                throw SQLiteError(.invalidConfiguration, "pragmas: \(pragma.name): \(PragmaPolicy.uncountedMemory)")
            }
            try self.pragma(pragma.text)
        }
    }

    private func knows(_ pragma: SQLiteConfiguration.Pragma) throws(SQLiteError) -> Bool {
        let statement: Statement
        do {
            statement = try prepareOne("SELECT 1 FROM pragma_pragma_list WHERE name = lower(?)")
        } catch {
            // SQLite was built without the list of pragmas.
            return true
        }
        defer { end(statement) }
        _ = try statement.bind([.text(pragma.name)])
        return try step(statement)
    }

    /// Runs the configuration's `setup` statements and the hook `afterConnect`.
    func setUp(_ file: SQLiteFile) throws(SQLiteError) {
        // Named, because the optimizer of Swift 6.3 fails on a noncopyable temporary here.
        let db = SQLiteConnection(session: self)
        for query in file.configuration.setup { try db.execute(query) }
        if !isAutocommitting { throw transactionLeftOpen() }
        guard let hook = file.hooks.afterConnect else { return }
        do {
            try hook(db)
        } catch let error as SQLiteError {
            throw error
        } catch {
            throw SQLiteError(.connectFailed, "the hook afterConnect threw an error: \(error)")
        }
        if !isAutocommitting { throw transactionLeftOpen() }
    }
}

extension Session {
    /// Restricts what a file can do to this process, before the file is read.
    ///
    /// For every file: views, triggers and the like cannot use functions and virtual tables with
    /// side effects, and no extension is loaded. Unless the configuration turns it off: statements
    /// cannot damage the file. For an untrusted file: each page is checked when it is read, and
    /// the limits apply.
    func protect(_ configuration: SQLiteConfiguration) throws(SQLiteError) {
        try set(SQLITE_DBCONFIG_TRUSTED_SCHEMA, to: false)
        try set(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, to: false)
        try set(SQLITE_DBCONFIG_DEFENSIVE, to: configuration.isDefensive)
        for case (let id, let value?) in configuration.effectiveLimits.ofConnection {
            _ = unsafe sqlite3_limit(handle, id, Int32(clamping: value))
        }
        if configuration.trust == .untrusted { try pragma("cell_size_check = 1") }
    }

    private func set(_ option: Int32, to value: Bool) throws(SQLiteError) {
        let code = unsafe clockpool_sqlite_set_option(handle, option, value ? 1 : 0)
        // A library that was built without extensions does not know that option.
        if code != SQLITE_OK, option != SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION { throw failure(code, sql: nil) }
    }
}
