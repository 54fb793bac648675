// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// A prepared statement. It belongs to one ``Session`` and is used only on its thread.
@safe
@usableFromInline
final class Statement: CellSource {
    let handle: OpaquePointer
    let traits: StatementTraits
    let parameterCount: Int
    /// A pointer to the statement itself, for columns, which do not retain it.
    private(set) var reference: UnsafeMutableRawPointer

    /// Whether a call is using the statement. The same text is then prepared again.
    var isBusy = true
    /// The observation of the execution; `nil` without observers.
    var observed: ObservedStatement?
    /// The tables that the statement writes; `nil` if that is not known or not needed.
    var access: StatementAccess?
    /// Whether the cache contains the statement.
    var isCached = false
    /// The cache's count at the last use.
    var lastUse: UInt = 0
    /// The names of the parameters, without their prefix character; `nil` for a parameter that has
    /// only a number. Looked up on first use.
    lazy var parameterNames: [String?] = (0..<parameterCount).map { index in
        guard let name = unsafe sqlite3_bind_parameter_name(handle, Int32(truncatingIfNeeded: index + 1)) else {
            return nil
        }
        let text = unsafe String(cString: name)
        return text.hasPrefix("?") ? nil : String(text.dropFirst())
    }

    init(_ handle: OpaquePointer, text: String, traits: StatementTraits) {
        unsafe self.handle = handle
        self.traits = traits
        parameterCount = Int(unsafe sqlite3_bind_parameter_count(handle))
        unsafe reference = UnsafeMutableRawPointer(handle)
        super.init(text: text)
        unsafe reference = Unmanaged.passUnretained(self).toOpaque()
    }

    /// The number of columns of a row. The first step may change it after a change of the schema.
    override var columnCount: Int { Int(unsafe sqlite3_column_count(handle)) }

    override func columnName(_ index: Int) -> String {
        guard let name = unsafe sqlite3_column_name(handle, Int32(truncatingIfNeeded: index)) else { return "" }
        return unsafe String(cString: name)
    }

    override func declaredType(_ index: Int) -> String? {
        guard let type = unsafe sqlite3_column_decltype(handle, Int32(truncatingIfNeeded: index)) else { return nil }
        return unsafe String(cString: type)
    }

    /// Whether the statement changes no database. Also `true` for statements that only begin or
    /// end a transaction.
    var isReadOnly: Bool { unsafe sqlite3_stmt_readonly(handle) != 0 }

    /// Ends the execution and clears the bound values.
    func reset() {
        _ = unsafe sqlite3_reset(handle)
        if parameterCount > 0 { _ = unsafe sqlite3_clear_bindings(handle) }
    }

    /// Frees the statement, which must not be used afterwards.
    func finalize() {
        _ = unsafe sqlite3_finalize(handle)
    }
}

/// The effects of a statement besides reading and writing rows, as SQLite reports them during the
/// preparation.
struct StatementTraits: OptionSet {
    let rawValue: UInt16

    /// Begins or ends a transaction.
    static let controlsTransaction = Self(rawValue: 1)
    /// Changes the connection: a setting, an attached database, a temporary object.
    static let changesConnection = Self(rawValue: 2)
    /// Does part of its work while it is prepared, so that each execution needs a preparation.
    static let isPragma = Self(rawValue: 4)
    /// Begins, releases or rolls back to a savepoint.
    static let controlsSavepoint = Self(rawValue: 8)
    /// May roll back the transaction according to its text. Known if writes may share a
    /// transaction.
    static let mayRollBack = Self(rawValue: 16)
    /// Attaches a database, or lets a schema be written like a table.
    static let changesDatabases = Self(rawValue: 32)
    /// Is `VACUUM … INTO`, which writes only another file.
    static let vacuumsInto = Self(rawValue: 64)

    /// Is `VACUUM`. Known if changes have subscribers.
    static let vacuums = Self(rawValue: 128)

    /// The traits that allow a statement to run again without another preparation.
    static let cacheable: Self = [.controlsSavepoint, .mayRollBack]
}
