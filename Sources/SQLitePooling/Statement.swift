// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A prepared statement. Belongs to one ``Session``, and is used on its thread alone.
@safe
final class Statement {
    let handle: OpaquePointer
    let text: String
    let traits: StatementTraits
    let parameterCount: Int

    /// Whether a call uses it now; the same text is then prepared once more.
    var isBusy = true
    /// Whether the cache has it.
    var isCached = false
    /// When the cache gave it out last, as the cache counts.
    var lastUse: UInt = 0
    /// The names of the parameters, without their first character; `nil` for one that has only a number. They are looked up
    /// when they are first needed.
    lazy var parameterNames: [String?] = (0..<parameterCount).map { index in
        guard let name = unsafe sqlite3_bind_parameter_name(handle, Int32(truncatingIfNeeded: index + 1)) else {
            return nil
        }
        let text = unsafe String(cString: name)
        return text.hasPrefix("?") ? nil : String(text.dropFirst())
    }
    /// What is bound now: for errors, which must not quote it.
    var parameters: [SQLiteValue] = []

    init(_ handle: OpaquePointer, text: String, traits: StatementTraits) {
        unsafe self.handle = handle
        self.text = text
        self.traits = traits
        parameterCount = Int(unsafe sqlite3_bind_parameter_count(handle))
    }

    /// How many columns a row has; may change when the schema does, with the first step.
    var columnCount: Int { Int(unsafe sqlite3_column_count(handle)) }

    func columnName(_ index: Int) -> String {
        guard let name = unsafe sqlite3_column_name(handle, Int32(truncatingIfNeeded: index)) else { return "" }
        return unsafe String(cString: name)
    }

    /// Whether it changes no database. SQLite says so also of those that begin and end transactions.
    var isReadOnly: Bool { unsafe sqlite3_stmt_readonly(handle) != 0 }

    /// Binds the values; there must be one for each parameter.
    ///
    /// - Returns: SQLite's code.
    func bind(_ values: [SQLiteValue]) throws(SQLiteError) -> Int32 {
        guard values.count == parameterCount else {
            throw SQLiteError(
                .parameterCount,
                "the statement has \(parameterCount) parameters, and \(values.count) values were given",
                sql: text
            )
        }
        parameters = values
        for (index, value) in values.enumerated() {
            if case .tooLarge = value {
                throw SQLiteError(
                    .parameterRange,
                    "parameter \(index + 1) is above Int64.max, the greatest integer that SQLite stores",
                    sql: text
                )
            }
            let code = bind(value, at: Int32(truncatingIfNeeded: index + 1))
            if code != SQLITE_OK { return code }
        }
        return SQLITE_OK
    }

    private func bind(_ value: SQLiteValue, at position: Int32) -> Int32 {
        switch value {
        case .null:
            unsafe sqlite3_bind_null(handle, position)
        case .tooLarge:
            SQLITE_RANGE
        case .integer(let number):
            unsafe sqlite3_bind_int64(handle, position, number)
        case .real(let number):
            unsafe sqlite3_bind_double(handle, position, number)
        case .text(var text):
            text.withUTF8 { utf8 in
                unsafe utf8.withMemoryRebound(to: CChar.self) { text in
                    unsafe clockpool_sqlite_bind_text(handle, position, text.baseAddress, UInt64(text.count))
                }
            }
        case .blob(let bytes):
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe clockpool_sqlite_bind_blob(handle, position, bytes.baseAddress, UInt64(bytes.count))
            }
        }
    }

    /// Ends the run, and forgets the values.
    func reset() {
        _ = unsafe sqlite3_reset(handle)
        if parameterCount > 0 {
            _ = unsafe sqlite3_clear_bindings(handle)
            parameters = []
        }
    }

    /// Frees it. It must not be used any more.
    func finalize() {
        _ = unsafe sqlite3_finalize(handle)
    }
}

/// What a statement does besides reading and writing rows; SQLite says it while it prepares one.
struct StatementTraits: OptionSet {
    let rawValue: UInt16

    /// It begins or ends a transaction.
    static let controlsTransaction = Self(rawValue: 1)
    /// It leaves its mark on the connection: a setting, an attached database, something temporary.
    static let changesConnection = Self(rawValue: 2)
    /// It does part of its work when it is prepared, so that each run needs a preparation.
    static let isPragma = Self(rawValue: 4)
    /// It begins, releases or rolls back to a savepoint.
    static let controlsSavepoint = Self(rawValue: 8)
    /// It may roll back the transaction, because its text says so. Known where writes may share a transaction.
    static let mayRollBack = Self(rawValue: 16)
    /// It attaches a database, or lets a schema be written like a table.
    static let changesDatabases = Self(rawValue: 32)
    /// It is `VACUUM … INTO`, which writes another file only.
    static let vacuumsInto = Self(rawValue: 64)

    /// What does not keep a statement from being run again without another preparation.
    static let cacheable: Self = [.controlsSavepoint, .mayRollBack]
}
