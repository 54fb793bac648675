// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The virtual table that returns the elements of a list, `lock_pool_list(?)`.
///
/// The list is bound as a pointer, which SQL cannot create. Its column `value` has no affinity,
/// and its row IDs are the positions of the elements from 1.
enum ListTable {
    /// The elements as they are bound. SQLite owns them until the parameter is cleared.
    final class Elements: Sendable {
        let values: [SQLiteParameter.Stored]

        /// - Throws: The reason for which an element cannot be stored.
        init(
            _ elements: [SQLiteParameter],
            _ strategies: ValueStrategies
        ) throws(SQLiteParameter.NotStorable) {
            var values: [SQLiteParameter.Stored] = []
            values.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                do throws(SQLiteParameter.NotStorable) {
                    values.append(try element.stored(strategies))
                } catch {
                    throw .init(reason: "is a list whose element \(index + 1) \(error.reason)")
                }
            }
            self.values = values
        }
    }

    /// The message for another argument than a list.
    static let argumentError = "lock_pool_list() needs a list: interpolate \\(list: values)"

    /// Binds a list to a parameter.
    ///
    /// - Returns: SQLite's code.
    static func bind(_ elements: Elements, to statement: OpaquePointer, at position: Int32) -> Int32 {
        let owned = unsafe Unmanaged.passRetained(elements).toOpaque()
        return unsafe clockpool_sqlite_bind_list(statement, position, owned) { elements in
            unsafe Unmanaged<Elements>.fromOpaque(elements!).release()
        }
    }

    /// SQLite's cursor, behind which it keeps nothing.
    @safe
    fileprivate struct Cursor {
        // The first member, so that a pointer to it is a pointer to the cursor.
        var base = unsafe sqlite3_vtab_cursor()
        var elements: Unmanaged<Elements>?
        var position = 0
        var end = 0

        static func at(_ base: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> UnsafeMutablePointer<Cursor> {
            unsafe UnsafeMutableRawPointer(base!).assumingMemoryBound(to: Cursor.self)
        }
    }

    /// The arguments that SQLite passes to a cursor.
    fileprivate enum Plan {
        static let list: Int32 = 1
        static let listAndRow: Int32 = 3
    }

    private enum Column {
        static let row: Int32 = -1
        static let value: Int32 = 0
        static let list: Int32 = 1
    }
}

extension Session {
    /// Adds the table of lists to the connection.
    func registerListTable() throws(SQLiteError) {
        let code = unsafe sqlite3_create_module_v2(handle, "lock_pool_list", ListTable.module, nil, nil)
        if code != SQLITE_OK { throw failure(code, sql: nil) }
    }
}

// MARK: - SQLite's callbacks

extension ListTable {
    /// SQLite keeps a pointer to the callbacks. Without `xCreate`, no other table can use them.
    fileprivate nonisolated(unsafe) static let module: UnsafePointer<sqlite3_module> = {
        var callbacks = sqlite3_module()
        unsafe callbacks.xConnect = { database, _, _, _, table, _ in unsafe connect(database, table) }
        unsafe callbacks.xDisconnect = { table in
            unsafe table?.deallocate()
            return SQLITE_OK
        }
        unsafe callbacks.xBestIndex = { _, plan in unsafe choose(&plan!.pointee) }
        unsafe callbacks.xOpen = { _, cursor in
            let new = UnsafeMutablePointer<Cursor>.allocate(capacity: 1)
            unsafe new.initialize(to: Cursor())
            unsafe cursor!.pointee = UnsafeMutableRawPointer(new).assumingMemoryBound(to: sqlite3_vtab_cursor.self)
            return SQLITE_OK
        }
        unsafe callbacks.xClose = { base in
            let cursor = unsafe Cursor.at(base)
            unsafe cursor.pointee.elements?.release()
            unsafe cursor.deallocate()
            return SQLITE_OK
        }
        unsafe callbacks.xFilter = { base, plan, _, _, arguments in unsafe begin(Cursor.at(base), plan, arguments) }
        unsafe callbacks.xNext = { base in
            unsafe Cursor.at(base).pointee.position += 1
            return SQLITE_OK
        }
        unsafe callbacks.xEof = { base in
            let cursor = unsafe Cursor.at(base)
            return unsafe cursor.pointee.position >= cursor.pointee.end ? 1 : 0
        }
        unsafe callbacks.xColumn = { base, context, column in
            let cursor = unsafe Cursor.at(base)
            // The list itself is NULL.
            guard column == Column.value, let elements = unsafe cursor.pointee.elements else { return SQLITE_OK }
            unsafe elements._withUnsafeGuaranteedRef {
                unsafe $0.values[cursor.pointee.position].setResult(of: context)
            }
            return SQLITE_OK
        }
        unsafe callbacks.xRowid = { base, row in
            unsafe row!.pointee = Int64(Cursor.at(base).pointee.position + 1)
            return SQLITE_OK
        }
        let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
        unsafe module.initialize(to: callbacks)
        return unsafe UnsafePointer(module)
    }()

    private static func connect(
        _ database: OpaquePointer?,
        _ table: UnsafeMutablePointer<UnsafeMutablePointer<sqlite3_vtab>?>?
    ) -> Int32 {
        let code = unsafe sqlite3_declare_vtab(database, "CREATE TABLE x (value, list HIDDEN)")
        guard code == SQLITE_OK else { return code }
        _ = unsafe clockpool_sqlite_make_direct_only(database)
        let new = UnsafeMutablePointer<sqlite3_vtab>.allocate(capacity: 1)
        unsafe new.initialize(to: sqlite3_vtab())
        unsafe table!.pointee = new
        return SQLITE_OK
    }

    /// Chooses which arguments a cursor receives: the list, and the row ID if it is known.
    private static func choose(_ plan: inout sqlite3_index_info) -> Int32 {
        var (list, row): (Int?, Int?)
        for index in unsafe 0..<Int(plan.nConstraint) {
            let constraint = unsafe plan.aConstraint[index]
            guard Int32(constraint.op) == SQLITE_INDEX_CONSTRAINT_EQ else { continue }
            switch constraint.iColumn {
            case Column.list:
                // The list is in a table that has no row yet: another order of tables has it.
                guard constraint.usable != 0 else { return SQLITE_CONSTRAINT }
                list = index
            case Column.row where constraint.usable != 0: row = index
            default: break
            }
        }
        // Without a list, the cursor reports the error.
        guard let list else { return SQLITE_OK }
        unsafe plan.aConstraintUsage[list] = .init(argvIndex: 1, omit: 1)
        unsafe plan.idxNum = Plan.list
        unsafe plan.estimatedRows = 100
        unsafe plan.estimatedCost = 100
        guard let row else { return SQLITE_OK }
        // SQLite also compares the row ID itself, because the value may be no integer.
        unsafe plan.aConstraintUsage[row] = .init(argvIndex: 2, omit: 0)
        unsafe plan.idxNum = Plan.listAndRow
        unsafe plan.idxFlags = SQLITE_INDEX_SCAN_UNIQUE
        unsafe plan.estimatedRows = 1
        unsafe plan.estimatedCost = 1
        return SQLITE_OK
    }

    private static func begin(
        _ cursor: UnsafeMutablePointer<Cursor>,
        _ plan: Int32,
        _ arguments: UnsafeMutablePointer<OpaquePointer?>?
    ) -> Int32 {
        unsafe cursor.pointee.elements?.release()
        unsafe cursor.pointee.elements = nil
        guard plan != 0, let list = unsafe clockpool_sqlite_list(arguments![0]) else {
            unsafe clockpool_sqlite_set_table_error(cursor.pointee.base.pVtab, argumentError)
            return SQLITE_ERROR
        }
        let elements = unsafe Unmanaged<Elements>.fromOpaque(list).retain()
        let count = unsafe elements.takeUnretainedValue().values.count
        unsafe cursor.pointee.elements = elements
        unsafe (cursor.pointee.position, cursor.pointee.end) = (0, count)
        guard plan == Plan.listAndRow, let row = unsafe arguments![1] else { return SQLITE_OK }
        // Another value than an integer becomes one; SQLite then excludes the row.
        let number = unsafe sqlite3_value_int64(row)
        let exists = number >= 1 && number <= count
        unsafe (cursor.pointee.position, cursor.pointee.end) = exists ? (Int(number) - 1, Int(number)) : (0, 0)
        return SQLITE_OK
    }
}

extension SQLiteParameter.Stored {
    /// Sets the value as the result of a function or a column. A list is `NULL`.
    func setResult(of context: OpaquePointer?) {
        switch self {
        case .value(.null), .list:
            unsafe sqlite3_result_null(context)
        case .value(.integer(let number)):
            unsafe sqlite3_result_int64(context, number)
        case .value(.real(let number)):
            unsafe sqlite3_result_double(context, number)
        case .value(.text(var text)):
            text.withUTF8 { utf8 in
                unsafe utf8.withMemoryRebound(to: CChar.self) { text in
                    unsafe clockpool_sqlite_result_text(context, text.baseAddress, UInt64(text.count))
                }
            }
        case .value(.blob(let bytes)):
            unsafe bytes.withUnsafeBytes {
                unsafe clockpool_sqlite_result_blob(context, $0.baseAddress, UInt64($0.count))
            }
        case .data(let data):
            unsafe data.withUnsafeBytes {
                unsafe clockpool_sqlite_result_blob(context, $0.baseAddress, UInt64($0.count))
            }
        }
    }
}
