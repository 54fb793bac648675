// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// One program for both database pools, with the examples of Docs/API.md. It is written for SQLite;
// Examples/dialect.sed makes the program for PostgreSQL. `Scripts/test` compares the two.

import ConnectionPooling
import PostgresPooling

struct Person: Decodable, Sendable {
    var id: Int
    var name: String
    var born: Int?
}

/// A unit of a quantity, stored as its name.
enum Unit: String, PostgresEncodable, PostgresDecodable {
    case gram, litre
}

// A configuration holds everything.
var configuration = PostgresConfiguration(databaseURL)
configuration.pool.name = "people"
configuration.pool.maximumConnections = 4
configuration.pool.checkoutTimeout = .seconds(5)
configuration.setup = ["SET search_path = public"]
let pool = try PostgresPool(configuration)

// Statements, alone and as a script.
try await pool.executeScript(
    """
    DROP TABLE IF EXISTS person;
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, born INTEGER);
    """
)
for (id, name, born) in [(1, "Ada", 1815), (2, "Grace", 1906), (3, "Barbara", nil)] as [(Int, String, Int?)] {
    try await pool.execute("INSERT INTO person VALUES (\(id), \(name), \(born))")
}
let changed = try await pool.execute("UPDATE person SET born = 1928 WHERE name = \("Barbara")")
print("changed:", changed.rowCount)

// Typed rows: tuples, single columns, the first row.
for (id, name) in try await pool.query("SELECT id, name FROM person ORDER BY id", as: (Int, String).self) {
    print(id, name)
}
print(try await pool.query("SELECT name FROM person ORDER BY name", as: String.self))
let oldest = try await pool.queryFirst("SELECT name FROM person ORDER BY born", as: String.self)
print("oldest:", oldest ?? "none")
let known = try await pool.queryOne("SELECT count(*) FROM person", as: Int.self)
print("known:", known)

// Rows as Decodable values.
let people = try await pool.query("SELECT * FROM person ORDER BY id", decoding: Person.self)
print(people.map(\.name))
let person = try await pool.queryFirst("SELECT * FROM person WHERE id = \(2)", decoding: Person.self)
print("born:", person?.born ?? 0)

// Untyped rows.
let rows = try await pool.query("SELECT id, name, born FROM person ORDER BY id")
print(rows.columnNames, rows.count)
for row in rows {
    print(try row.decode(Int.self, at: 0), try row.decode(String.self, named: "name"), row["born"]?.isNull ?? true)
}

// Types of the program.
let units = try await pool.query("SELECT \(Unit.litre)::text", as: Unit.self)
print(units.map(\.rawValue))

// Conditions that are known at run time.
var search: PostgresQuery = "SELECT name FROM person WHERE id > \(0)"
search += " AND born < \(1950)"
let names: [PostgresQuery] = ["name = \("Ada")", "name = \("Grace")"]
search += " AND (" + names.joined(separator: " OR ") + ") ORDER BY id"
print(try await pool.query(search, as: String.self))

// A transaction, and a part of it that fails alone.
let count = try await pool.withTransaction { db in
    try await db.execute("INSERT INTO person VALUES (4, 'Edsger', 1930)")
    do {
        try await db.withSavepoint { db in
            try await db.execute("INSERT INTO person VALUES (5, 'Ken', 1943)")
            try await db.execute("INSERT INTO person VALUES (6, 'Ada', 1943)")
        }
    } catch let error as PostgresError {
        print("savepoint:", error.category?.description ?? "none")
    }
    return try await db.queryFirst("SELECT count(*) FROM person", as: Int.self)
}
print("people:", count ?? 0)

// Errors have the same codes and categories.
do {
    try await pool.execute("INSERT INTO person VALUES (7, 'Ada', 1815)")
} catch let error as PostgresError {
    print("insert:", error.category?.description ?? "none")
}
do {
    _ = try await pool.query("SELECT id, name FROM person", as: Int.self)
} catch let error as PostgresError {
    print("query:", error.code)
}
do {
    let slow: PostgresQuery = "SELECT 1 FROM pg_sleep(60)"
    _ = try await pool.query(slow, as: Int.self, timeout: .milliseconds(50))
} catch let error as PostgresError {
    print("slow:", error.code, error.category?.description ?? "none")
}

// Operations.
try await pool.prewarm(timeout: .seconds(5))
try pool.resize(to: 2)
pool.evictAll()
print("waiting:", pool.status.waiting, "state:", pool.state)
await pool.shutdown()
do {
    try await pool.execute("DELETE FROM person")
} catch let error as PoolError {
    print("after the shutdown:", error.code, error.category?.description ?? "none")
}
