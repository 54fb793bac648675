// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension Session {
    /// Returns the tables and columns whose changes may change the result of a statement.
    ///
    /// Called in a transaction, whose snapshot this begins. The statement is prepared with the
    /// schema of that snapshot.
    func region(of sql: String) throws(SQLiteError) -> QueryRegion {
        try refreshSchema()
        guard let reads = try reads(of: sql) else { return .everything }
        let program = try program(of: sql)
        var joinsByName = SQLTokenizer.joinsByName(Array(sql.utf8)[...])
        var tables: [SQLiteChanges.Table: Set<String>?] = [:]
        for (table, columns) in reads where SQLiteChanges.Table.lowercased(table.database) != "temp" {
            if table.isSchema {
                tables[table] = .some(nil)
                continue
            }
            // SQLite does not report changes of its own tables.
            if table.isInternal { return .everything }
            switch try definition(of: table) {
            case .table: tables[table] = columns
            // The tables that it reads are reported, too.
            case .view(let text): joinsByName = joinsByName || SQLTokenizer.joinsByName(text)
            case .virtualTable: return .everything
            // A common table expression, or a virtual table without a definition.
            case nil:
                let isKnown = Self.modulesWithoutContents.contains(SQLiteChanges.Table.lowercased(table.name))
                if !isKnown, program.readsVirtualTables { return .everything }
            }
        }
        // SQLite does not report the columns with which USING and NATURAL join tables, nor a table
        // of which no other column is read.
        if joinsByName {
            if program.readsVirtualTables { return .everything }
            for table in tables.keys { tables[table] = .some(nil) }
        }
        for table in program.tables where tables[table] == nil { tables[table] = .some(nil) }
        return QueryRegion(tables, isEverything: false)
    }

    /// Returns what SQLite reports that a statement reads; `nil` for a pragma.
    private func reads(of sql: String) throws(SQLiteError) -> [SQLiteChanges.Table: Set<String>]? {
        let before = access
        access = StatementAccess(recordsReads: true)
        defer { access = before }
        let statement = try prepareOne(sql)
        defer { statement.finalize() }
        return statement.traits.contains(.isPragma) ? nil : statement.access?.reads
    }

    /// Returns the tables that the program of a statement opens.
    private func program(
        of sql: String
    ) throws(SQLiteError) -> (tables: Set<SQLiteChanges.Table>, readsVirtualTables: Bool) {
        var pages: [(page: Int64, database: Int64)] = []
        var readsVirtualTables = false
        let statement = try prepareOne("EXPLAIN " + sql)
        do {
            defer { end(statement) }
            while try step(statement) {
                switch unsafe String(decoding: SQLiteCell(1, of: statement).rawBytes, as: UTF8.self) {
                case "OpenRead", "ReopenIdx":
                    let page = unsafe sqlite3_column_int64(statement.handle, 3)
                    pages.append((page, unsafe sqlite3_column_int64(statement.handle, 4)))
                case "VOpen": readsVirtualTables = true
                default: break
                }
            }
        }
        var tables: Set<SQLiteChanges.Table> = []
        // The second database is that of temporary tables, which are the connection's own.
        for (page, number) in pages where number != 1 {
            guard let database = try column("SELECT name FROM pragma_database_list WHERE seq = \(number)").first else {
                continue
            }
            if page == 1 { tables.insert(.schema(of: database)) }
            let names = try column(
                "SELECT tbl_name FROM \(SQLiteQuery.quoted(database)).sqlite_schema WHERE rootpage = \(page)"
            )
            tables.formUnion(names.map { SQLiteChanges.Table($0, in: database) })
        }
        return (tables, readsVirtualTables)
    }

    private enum Definition {
        case table, virtualTable
        case view(ArraySlice<UInt8>)
    }

    /// Modules whose tables contain only what their arguments contain.
    private static let modulesWithoutContents: Set<String> = [
        "json_each", "json_tree", "generate_series", "lock_pool_list",
    ]

    private func definition(of table: SQLiteChanges.Table) throws(SQLiteError) -> Definition? {
        let statement = try prepareOne(
            """
            SELECT type, sql FROM \(SQLiteQuery.quoted(table.database)).sqlite_schema
            WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')
            """
        )
        defer { end(statement) }
        _ = try statement.bind([.text(table.name)])
        guard try step(statement) else { return nil }
        let text = unsafe Array(SQLiteCell(1, of: statement).rawBytes)
        if unsafe SQLiteCell(0, of: statement).rawBytes.elementsEqual("view".utf8) { return .view(text[...]) }
        // SQLite stores the beginning in this form.
        return text.starts(with: "CREATE VIRTUAL TABLE".utf8) ? .virtualTable : .table
    }
}
