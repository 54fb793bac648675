// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteConfiguration {
    /// A library that adds functions, virtual tables or other features to SQLite.
    ///
    /// The library is code: it can do whatever the program can. Each new connection of the pool
    /// loads it, and only while it does can extensions be loaded; the SQL function
    /// `load_extension()` is always off.
    public struct Extension: Hashable, Sendable {
        /// The absolute path of the library.
        public let path: String
        /// The name of the library's C function that initializes it; `nil` for the one that SQLite
        /// derives from the file's name.
        public let entryPoint: String?

        /// Permits a library to be loaded.
        ///
        /// - Parameters:
        ///   - path: The absolute path. If there is no such file, SQLite adds the suffix of the
        ///     system's libraries.
        ///   - entryPoint: The name of the C function that initializes it; by default
        ///     `sqlite3_extension_init`, or a name that SQLite derives from the file's name.
        public init(_ path: String, entryPoint: String? = nil) {
            self.path = path
            self.entryPoint = entryPoint
        }
    }

    /// Checks the names of functions, collations and extensions.
    func validateFunctions() throws(SQLiteError) {
        var signatures: Set<String> = []
        for function in functions {
            let name = try Self.checkedName(function.name, in: "functions")
            guard !Self.builtInFunctions.contains(name) else {
                throw SQLiteError(
                    .invalidConfiguration,
                    "functions must not contain \(function.name)(), which SQLite itself has: choose another name"
                )
            }
            let signature = "\(name)(\(function.argumentCount.map { "\($0)" } ?? "…"))"
            guard signatures.insert(signature).inserted else {
                throw SQLiteError(.invalidConfiguration, "functions must contain \(signature) once")
            }
        }
        var names: Set<String> = ["binary", "nocase", "rtrim"]
        for collation in collations where !names.insert(try Self.checkedName(collation.name, in: "collations")).inserted
        {
            throw SQLiteError(
                .invalidConfiguration,
                "collations must contain \(collation.name) once, and none that SQLite itself has"
            )
        }
        for library in extensions {
            guard library.path.hasPrefix("/"), !library.path.hasSuffix("/") else {
                throw SQLiteError(.invalidConfiguration, "extensions must have absolute paths, not “\(library.path)”")
            }
            guard !library.path.utf8.contains(0), library.entryPoint?.utf8.contains(0) != true else {
                throw SQLiteError(.nulCharacter, "extensions must not contain a NUL character")
            }
        }
    }

    /// Returns a name in lowercase, as SQLite compares names.
    private static func checkedName(_ name: String, in field: String) throws(SQLiteError) -> String {
        let isName = name.utf8.allSatisfy(isPartOfWord) && !name.utf8.isEmpty && !isDigit(name.utf8.first!)
        guard isName, name.utf8.count <= 255 else {
            throw SQLiteError(
                .invalidConfiguration,
                "\(field) must have names of 1 to 255 letters, digits and underscores that do not begin with a digit, "
                    + "not “\(name)”"
            )
        }
        return name.lowercased()
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// The functions that every build of SQLite has. Operators, indexes and the planner rely on
    /// them. Of those that only some versions or builds have, a program can have its own.
    private static let builtInFunctions: Set<String> = [
        "abs", "avg", "changes", "char", "coalesce", "count", "cume_dist", "current_date", "current_time",
        "current_timestamp", "date", "datetime", "dense_rank", "first_value", "format", "glob", "group_concat", "hex",
        "ifnull", "iif", "instr", "json", "json_array", "json_array_length", "json_extract", "json_group_array",
        "json_group_object", "json_insert", "json_object", "json_patch", "json_quote", "json_remove", "json_replace",
        "json_set", "json_type", "json_valid", "julianday", "lag", "last_insert_rowid", "last_value", "lead", "length",
        "like", "likelihood", "likely", "load_extension", "lower", "ltrim", "match", "max", "min", "nth_value", "ntile",
        "nullif", "percent_rank", "printf", "quote", "random", "randomblob", "rank", "replace", "round", "row_number",
        "rtrim", "sign", "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_log", "sqlite_source_id",
        "sqlite_version", "strftime", "substr", "substring", "subtype", "sum", "time", "total", "total_changes", "trim",
        "typeof", "unicode", "unixepoch", "unlikely", "upper", "zeroblob",
    ]
}

extension Session {
    /// Loads the configuration's extensions. Before and afterwards, none can be loaded.
    func load(_ extensions: [SQLiteConfiguration.Extension]) throws(SQLiteError) {
        guard !extensions.isEmpty else { return }
        guard unsafe clockpool_sqlite_set_option(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1) == SQLITE_OK else {
            throw SQLiteError(.invalidConfiguration, "extensions: this SQLite cannot load extensions")
        }
        defer { _ = unsafe clockpool_sqlite_set_option(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0) }
        for library in extensions {
            var message: UnsafeMutablePointer<CChar>?
            let code = unsafe clockpool_sqlite_load_extension(handle, library.path, library.entryPoint, &message)
            defer { unsafe sqlite3_free(message) }
            guard code != SQLITE_OK else { continue }
            let reason = unsafe message.map { unsafe String(cString: $0) } ?? failure(code, sql: nil).message
            throw SQLiteError(.invalidConfiguration, "extensions: cannot load \(library.path): \(reason)")
        }
    }
}
