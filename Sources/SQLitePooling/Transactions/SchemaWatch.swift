// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// Detects schemas that mention `ROLLBACK`. A constraint or a trigger may then roll back the whole
/// transaction, whatever the statement is.
///
/// The schemas are read again only after the schema version of a database has changed.
@safe
final class SchemaWatch {
    private var versions: [Int64] = []
    private let statements: [Statement]
    private let names: [String]
    private(set) var mentionsRollback = false

    /// Watches the databases that are attached now. No other is attached to a connection that
    /// stays in use.
    init(_ session: Session) throws(SQLiteError) {
        names = try session.databaseNames()
        var statements: [Statement] = []
        do throws(SQLiteError) {
            for name in names {
                statements.append(try session.prepareOne("PRAGMA \(SQLiteQuery.quoted(name)).schema_version"))
            }
        } catch {
            for statement in statements { statement.finalize() }
            throw error
        }
        self.statements = statements
    }

    /// Reads the schemas again if they have changed. Called within the transaction that the result
    /// is used for.
    func update(_ session: Session) throws(SQLiteError) {
        var versions: [Int64] = []
        for statement in statements {
            defer { statement.reset() }
            versions.append(try session.step(statement) ? unsafe sqlite3_column_int64(statement.handle, 0) : 0)
        }
        guard versions != self.versions else { return }
        var mentionsRollback = false
        for name in names {
            let found = try session.column(
                "SELECT 1 FROM \(SQLiteQuery.quoted(name)).sqlite_schema WHERE instr(lower(sql), 'rollback') LIMIT 1"
            )
            if !found.isEmpty { mentionsRollback = true }
        }
        self.mentionsRollback = mentionsRollback
        self.versions = versions
    }

    func close() {
        for statement in statements { statement.finalize() }
    }
}

extension Session {
    /// Returns the first column of all rows of one of the pool's own statements, as strings;
    /// `NULL` is the empty string.
    func column(_ sql: String) throws(SQLiteError) -> [String] {
        isPrivileged = true
        defer { isPrivileged = false }
        let statement = try prepareOne(sql)
        defer { end(statement) }
        var values: [String] = []
        while try step(statement) {
            values.append(unsafe String(decoding: SQLiteCell(0, of: statement).rawBytes, as: UTF8.self))
        }
        return values
    }
}
