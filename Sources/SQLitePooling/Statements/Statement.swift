// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A prepared statement. Belongs to one ``Session``, and is used on its thread alone.
@safe
@usableFromInline
final class Statement {
    let handle: OpaquePointer
    let text: String
    let traits: StatementTraits
    let parameterCount: Int
    /// The statement itself, for columns, which do not retain it.
    private(set) var reference: UnsafeMutableRawPointer

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
    /// How the pool stores values.
    var strategies = ValueStrategies()

    init(_ handle: OpaquePointer, text: String, traits: StatementTraits) {
        unsafe self.handle = handle
        self.text = text
        self.traits = traits
        parameterCount = Int(unsafe sqlite3_bind_parameter_count(handle))
        unsafe reference = UnsafeMutableRawPointer(handle)
        unsafe reference = Unmanaged.passUnretained(self).toOpaque()
    }

    /// How many columns a row has; may change when the schema does, with the first step.
    var columnCount: Int { Int(unsafe sqlite3_column_count(handle)) }

    func columnName(_ index: Int) -> String {
        guard let name = unsafe sqlite3_column_name(handle, Int32(truncatingIfNeeded: index)) else { return "" }
        return unsafe String(cString: name)
    }

    /// The name of the property that a column is decoded as.
    func propertyName(_ index: Int) -> String { strategies.columnNames.propertyName(columnName(index)) }

    /// Whether it changes no database. SQLite says so also of those that begin and end transactions.
    var isReadOnly: Bool { unsafe sqlite3_stmt_readonly(handle) != 0 }

    /// Binds the values as the pool's strategies store them; there must be one for each parameter.
    ///
    /// - Returns: SQLite's code.
    /// - Throws: ``SQLiteError`` if there are too many or too few, or if one cannot be stored.
    func bind(_ values: [SQLiteParameter]) throws(SQLiteError) -> Int32 {
        guard values.count == parameterCount else {
            throw SQLiteError.parameterCount(in: text, parameterCount, valueCount: values.count)
        }
        for (index, value) in values.enumerated() {
            let stored = try value.stored(strategies, at: index + 1, sql: text)
            let code = bind(stored, at: Int32(truncatingIfNeeded: index + 1))
            if code != SQLITE_OK { return code }
        }
        return SQLITE_OK
    }

    private func bind(_ value: SQLiteParameter.Stored, at position: Int32) -> Int32 {
        switch value {
        case .value(.null):
            unsafe sqlite3_bind_null(handle, position)
        case .value(.integer(let number)):
            unsafe sqlite3_bind_int64(handle, position, number)
        case .value(.real(let number)):
            unsafe sqlite3_bind_double(handle, position, number)
        case .value(.text(var text)):
            text.withUTF8 { utf8 in
                unsafe utf8.withMemoryRebound(to: CChar.self) { text in
                    unsafe clockpool_sqlite_bind_text(handle, position, text.baseAddress, UInt64(text.count))
                }
            }
        case .value(.blob(let bytes)):
            unsafe bytes.withUnsafeBytes { unsafe bind($0, at: position) }
        case .data(let data):
            unsafe data.withUnsafeBytes { unsafe bind($0, at: position) }
        }
    }

    private func bind(_ bytes: UnsafeRawBufferPointer, at position: Int32) -> Int32 {
        unsafe clockpool_sqlite_bind_blob(handle, position, bytes.baseAddress, UInt64(bytes.count))
    }

    /// Ends the run, and forgets the values.
    func reset() {
        _ = unsafe sqlite3_reset(handle)
        if parameterCount > 0 { _ = unsafe sqlite3_clear_bindings(handle) }
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
