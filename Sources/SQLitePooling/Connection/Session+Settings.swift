// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A setting of a connection or of one of its databases.
struct Setting: Hashable {
    let name: String
    /// `nil` for the main database, and for a setting of the whole connection even if the
    /// statement names a database.
    let database: String?

    init(name: String, database: String?) {
        self.name = name
        self.database = database == "main" || !Self.perDatabaseNames.contains(name) ? nil : database
    }

    private static let perDatabaseNames: Set<String> = [
        "cache_size", "cache_spill", "journal_size_limit", "max_page_count", "mmap_size", "synchronous",
    ]

    fileprivate var text: String { database.map { "\(SQLiteQuery.quoted($0)).\(name)" } ?? name }
}

/// The settings that a body has changed, and their original values.
struct Settings {
    /// The values after the connection was opened, for settings that a body has changed.
    private var values: [Setting: String] = [:]
    /// The settings that have changed since the call began.
    fileprivate var changed: Set<Setting> = []

    var isChanged: Bool { !changed.isEmpty }

    func isKnown(_ setting: Setting) -> Bool { values[setting] != nil }

    fileprivate func value(_ setting: Setting) -> String { values[setting] ?? "" }

    mutating func noteChange(_ setting: Setting) { changed.insert(setting) }

    fileprivate mutating func note(_ value: String, of setting: Setting) { values[setting] = value }
}

extension Session {
    /// Records the value of a setting before its first change.
    func recordValue(of setting: Setting) throws(SQLiteError) {
        guard !settings.isKnown(setting) else { return }
        var value: String? = "0"
        // `defer_foreign_keys` ends with a transaction. `busy_timeout` is not used, because the
        // pool waits for locks itself.
        if setting.name != "defer_foreign_keys", setting.name != "busy_timeout" { value = try pragma(setting.text) }
        settings.note(value ?? "", of: setting)
    }

    /// Restores the settings that a body has changed.
    ///
    /// Some settings cannot change in a transaction; they are restored at its end. If a setting
    /// cannot be restored outside of a transaction, the connection is replaced.
    func restoreSettings() {
        guard !settings.changed.isEmpty else { return }
        let changed = settings.changed
        settings.changed = []
        for setting in changed {
            do throws(SQLiteError) {
                try pragma("\(setting.text) = \(settings.value(setting))")
                if setting.name == "busy_timeout" { installCallbacks() }
            } catch {
                if isAutocommitting { mustBeReplaced = true } else { settings.changed.insert(setting) }
            }
        }
    }

    /// Lets `VACUUM … INTO` write its file on a reader, until the end of the call.
    func allowVacuumInto(sql: String) throws(SQLiteError) {
        guard !isInTransaction, isAutocommitting else {
            throw SQLiteError(
                .error,
                "cannot VACUUM from within a transaction: use pool.query, pool.execute or writeWithoutTransaction",
                sql: sql
            )
        }
        // While the connection is being opened, writes are not turned off yet.
        guard unsafe sqlite3_db_readonly(handle, "main") == 1, file != nil else { return }
        let setting = Setting(name: "query_only", database: nil)
        try recordValue(of: setting)
        settings.noteChange(setting)
        try pragma("query_only = 0")
    }
}
