// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import GRDB
import SQLitePooling

/// SQLite: results of 10,000 rows of an integer and two strings per second, from 2 tasks, beside
/// GRDB.
enum SQLiteResultRows {
    static let count = 10_000
    private static let text = "SELECT id, name, city FROM person"

    struct Person: Decodable, FetchableRecord, Sendable {
        var id: Int
        var name: String
        var city: String

        init(row: GRDB.Row) {
            id = row[0]
            name = row[1]
            city = row[2]
        }
    }

    /// The same by GRDB's `Decodable` records, whose columns are found by name.
    struct DecodablePerson: Decodable, FetchableRecord, Sendable {
        var id: Int
        var name: String
        var city: String
    }

    private static func name(_ id: Int) -> String { "Person number \(id)" }
    private static func city(_ id: Int) -> String { "City \(id % 100)" }

    static func prepare(_ pool: SQLitePool, _ grdb: DatabasePool) async throws {
        let table = "CREATE TABLE IF NOT EXISTS person (id INTEGER PRIMARY KEY, name TEXT, city TEXT)"
        try await pool.write { db in
            try db.execute(SQLiteQuery(unsafe: table))
            for id in 1...count { try db.execute("INSERT INTO person VALUES (\(id), \(name(id)), \(city(id)))") }
        }
        try await grdb.write { db in
            try db.execute(sql: table)
            let insert = try db.makeStatement(sql: "INSERT INTO person VALUES (?, ?, ?)")
            for id in 1...count { try insert.execute(arguments: [id, name(id), city(id)]) }
        }
    }

    static func run(_ pool: SQLitePool, _ grdb: DatabasePool, seconds: Double, into report: inout Report) async throws {
        func measure(_ name: String, _ operation: @escaping @Sendable () async throws -> Int) async throws {
            let results = try await SQLiteRows.operations(tasks: 2, seconds: seconds) { _ in
                let rows = try await operation()
                precondition(rows == count)
            }
            report.add(name, results, "1/s")
        }
        try await measure("grdb.rows10k.ops") {
            try await grdb.read { db in
                let statement = try db.cachedStatement(sql: text)
                return try Person.fetchAll(statement)
            }.count
        }
        try await measure("grdb.rows10k.decodable.ops") {
            try await grdb.read { db in
                let statement = try db.cachedStatement(sql: text)
                return try DecodablePerson.fetchAll(statement)
            }.count
        }
        try await measure("sqlite.rows10k.tuples.ops") {
            try await pool.query(SQLiteQuery(unsafe: text), as: (Int, String, String).self).count
        }
        try await measure("sqlite.rows10k.decodable.ops") {
            try await pool.query(SQLiteQuery(unsafe: text), decoding: Person.self).count
        }
        try await measure("sqlite.rows10k.walk.ops") {
            try await pool.read { db in
                var people: [(Int, String, String)] = []
                try db.forEachRow(SQLiteQuery(unsafe: text)) { row in
                    people.append((try row.decode(at: 0), try row.decode(at: 1), try row.decode(at: 2)))
                }
                return people.count
            }
        }
    }
}
