// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// The tables and columns that a statement uses, as SQLite reports them to the authorizer while it
/// prepares the statement. Those of triggers, foreign keys and views are included.
struct StatementAccess {
    typealias Table = SQLiteChanges.Table

    /// The ways in which a statement writes to a table.
    struct Write {
        var inserts = false
        var deletes = false
        /// The updated columns, in lowercase.
        var updatedColumns: Set<String> = []
        /// Whether the updated columns are all that changes, which is not so for generated
        /// columns.
        var hasGeneratedColumns = false
        /// Whether an update may change a row ID, of which SQLite reports the new value only.
        var updatesKey = false

        /// The columns that an updated row may have changed; `nil` for any.
        var columns: Set<String>? { hasGeneratedColumns || updatesKey ? nil : updatedColumns }

        fileprivate mutating func formUnion(_ other: Self) {
            inserts = inserts || other.inserts
            deletes = deletes || other.deletes
            updatedColumns.formUnion(other.updatedColumns)
            hasGeneratedColumns = hasGeneratedColumns || other.hasGeneratedColumns
            updatesKey = updatesKey || other.updatesKey
        }
    }

    /// An operation on a savepoint.
    struct Savepoint {
        enum Operation { case begin, release, rollBack }

        let operation: Operation
        let name: String
    }

    /// Whether the tables that are read are noted.
    let recordsReads: Bool
    /// The columns that the statement reads, in lowercase. Empty if it only counts rows.
    private(set) var reads: [Table: Set<String>] = [:]
    var writes: [Table: Write] = [:]
    /// The tables that the statement creates, drops or alters.
    private(set) var definitions: Set<Table> = []
    private(set) var savepoint: Savepoint?
    /// Whether the statement computes the planner's statistics, and nothing else.
    private(set) var computesStatistics = false
    /// Whether the statement computes an index, which may be a new one.
    private(set) var computesIndexes = false
    /// Whether a conflict may delete rows that SQLite does not report.
    var mayReplace = false

    init(recordsReads: Bool = false) { self.recordsReads = recordsReads }

    var isEmpty: Bool { writes.isEmpty && definitions.isEmpty && savepoint == nil }

    /// Adds what the statement also writes.
    mutating func formUnion(_ other: Self) {
        for (table, write) in other.writes { writes[table, default: Write()].formUnion(write) }
        definitions.formUnion(other.definitions)
        mayReplace = mayReplace || other.mayReplace
    }

    /// Notes an action. The parameters are those of the authorizer.
    mutating func note(
        _ action: Int32,
        _ first: UnsafePointer<CChar>?,
        _ second: UnsafePointer<CChar>?,
        _ database: UnsafePointer<CChar>?
    ) {
        switch action {
        case SQLITE_READ:
            guard recordsReads, let table = unsafe Self.table(first, database) else { return }
            let column = unsafe second.map { unsafe String(cString: $0) } ?? ""
            reads[table, default: []].formUnion(column.isEmpty ? [] : [Table.lowercased(column)])
        case SQLITE_INSERT:
            if let table = unsafe Self.table(first, database) { writes[table, default: Write()].inserts = true }
        case SQLITE_DELETE:
            if let table = unsafe Self.table(first, database) { writes[table, default: Write()].deletes = true }
        case SQLITE_UPDATE:
            guard let table = unsafe Self.table(first, database), let column = unsafe second else { return }
            let name = Table.lowercased(unsafe String(cString: column))
            writes[table, default: Write()].updatedColumns.insert(name)
        case SQLITE_CREATE_TABLE, SQLITE_CREATE_VTABLE, SQLITE_DROP_TABLE, SQLITE_DROP_VTABLE:
            if let table = unsafe Self.table(first, database) { definitions.insert(table) }
        case SQLITE_ALTER_TABLE:
            // The first name is that of the database.
            if let table = unsafe Self.table(second, first) {
                definitions.formUnion([table, .schema(of: table.database)])
            }
        case SQLITE_SAVEPOINT:
            guard let operation = unsafe first, let name = unsafe second else { return }
            // BEGIN, RELEASE or ROLLBACK
            let kind: Savepoint.Operation =
                switch unsafe UInt8(bitPattern: operation[1]) {
                case UInt8(ascii: "E") where unsafe operation[0] == CChar(UInt8(ascii: "B")): .begin
                case UInt8(ascii: "E"): .release
                default: .rollBack
                }
            savepoint = Savepoint(operation: kind, name: Table.lowercased(unsafe String(cString: name)))
        case SQLITE_ANALYZE:
            computesStatistics = true
        case SQLITE_REINDEX:
            computesIndexes = true
        default:
            break
        }
    }

    private static func table(_ name: UnsafePointer<CChar>?, _ database: UnsafePointer<CChar>?) -> Table? {
        guard let name = unsafe name else { return nil }
        return unsafe Table(String(cString: name), in: database.map { unsafe String(cString: $0) } ?? "main")
    }
}
