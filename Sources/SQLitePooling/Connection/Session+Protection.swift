// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Turns off what a file could do to this process, before the file is read.
    ///
    /// Everywhere: views, triggers and the like do not call functions and virtual tables that may do harm, and no library is
    /// loaded. Unless the configuration says otherwise: statements do not damage the file. Where the file is not trusted:
    /// each page is checked when it is read, and the limits hold.
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
        // A library that was built without extensions does not know the option for them.
        if code != SQLITE_OK, option != SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION { throw failure(code, sql: nil) }
    }
}
