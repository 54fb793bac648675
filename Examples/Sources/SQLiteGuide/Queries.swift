// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling

func overview() async throws -> SQLitePool {
    // guide: overview
    let pool = try SQLitePool(":memory:")
    try await pool.execute("CREATE TABLE book (title TEXT PRIMARY KEY, copies INTEGER NOT NULL)")
    let title = "Emma"
    try await pool.execute("INSERT INTO book VALUES (\(title), 3)")
    try await pool.write { db in
        try db.execute("UPDATE book SET copies = copies - 1 WHERE title = \(title)")
        try db.execute("INSERT INTO book VALUES (\(title + ", on loan"), 1)")
    }
    let books = try await pool.query("SELECT title, copies FROM book ORDER BY title", as: (String, Int).self)
    for (title, copies) in books { print("\(title): \(copies)") }
    // end
    return pool
}

func statements(_ pool: SQLitePool) async throws {
    // guide: parameters
    let title = "Persuasion"
    let sql: SQLiteQuery = "INSERT INTO book VALUES (\(title), \(2))"
    print(sql.text)  // INSERT INTO book VALUES (?, ?)
    let command = try await pool.execute(sql)
    print(command.rowCount)  // 1
    // end

    // guide: pieces
    let (table, column, minimum) = ("book", "title", 2)
    let condition: SQLiteQuery = "copies >= \(minimum)"
    let wanted = try await pool.query(
        "SELECT \(identifier: column) FROM \(identifier: table) WHERE \(sql: condition) ORDER BY 1",
        as: String.self
    )
    print(wanted)  // ["Emma", "Persuasion"]
    // end

    // guide: joining
    var search: SQLiteQuery = "SELECT title FROM book"
    let conditions: [SQLiteQuery] = ["copies >= \(minimum)", "title LIKE \("P%")"]
    search += " WHERE " + conditions.joined(separator: " AND ")
    print(try await pool.query(search, as: String.self))  // ["Persuasion"]
    // end

    // guide: named
    let byName = SQLiteQuery(
        "SELECT title FROM book WHERE copies = :n OR copies = :n + 1 ORDER BY title",
        named: ["n": 1]
    )
    let byNumber = SQLiteQuery("SELECT title FROM book WHERE copies = ?1 OR copies = ?1 + 1 ORDER BY title", values: 1)
    let (first, second) = (
        try await pool.query(byName, as: String.self), try await pool.query(byNumber, as: String.self)
    )
    print(first == second)  // true
    // end

    // guide: script
    try await pool.executeScript(
        """
        CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, size TEXT, image BLOB) STRICT;
        CREATE TABLE event (at TEXT, key TEXT, note TEXT);
        CREATE INDEX event_at ON event (at);
        """
    )
    // end
}

// guide: decodable
struct Book: Decodable {
    var title: String
    var copies: Int
    var note: String?
}
// end

func rows(_ pool: SQLitePool) async throws {
    // guide: rows
    let titles = try await pool.query("SELECT title FROM book ORDER BY title", as: String.self)
    let copies = try await pool.query("SELECT title, copies FROM book", as: (String, Int).self)
    let count = try await pool.queryFirst("SELECT count(*) FROM book", as: Int.self)
    // end
    print(titles, copies.count, count ?? 0)

    // guide: untyped
    let rows = try await pool.query("SELECT title, copies FROM book ORDER BY title")
    print(rows.columnNames, rows.count)  // ["title", "copies"] 3
    print(rows[0][0], rows[0]["none"] ?? .null)  // text("Emma") null
    print(try rows[0].decode(Int.self, named: "copies"))  // 2
    // end

    // guide: decoding
    let books = try await pool.query("SELECT * FROM book ORDER BY title", decoding: Book.self, missingColumns: .areNil)
    print(books[0].title, books[0].copies, books[0].note ?? "-")  // Emma 2 -
    // end

    // guide: walking
    let long = try await pool.read { db in
        var long = 0
        try db.forEachRow("SELECT title, copies FROM book") { row in
            let title = try row.decode(String.self, named: "title")
            if title.count > 10 { long += try row.decode(Int.self, at: 1) }
        }
        return long
    }
    print(long)  // 1
    // end

    // guide: stopping
    let firsts = try await pool.read { db in
        try db.withCursor("SELECT title FROM book ORDER BY title") { cursor in
            var firsts: [String] = []
            while firsts.count < 2, try cursor.next() { firsts.append(try cursor.row.decode(at: 0)) }
            return firsts
        }
    }
    print(firsts)  // ["Emma", "Emma, on loan"]
    // end

    // guide: list
    let wantedTitles = ["Emma", "Persuasion"]
    let found = try await pool.query(
        "SELECT title FROM book WHERE title IN \(list: wantedTitles) ORDER BY title",
        as: String.self
    )
    print(found)  // ["Emma", "Persuasion"]
    // end

    // guide: bulk
    let (newTitles, newCopies) = (["Lady Susan", "Sanditon"], [1, 5])
    try await pool.execute(
        """
        INSERT INTO book (title, copies) SELECT t.value, c.value
        FROM \(list: newTitles) AS t JOIN \(list: newCopies) AS c ON c.rowid = t.rowid
        """
    )
    // end
    try await pool.execute("DELETE FROM book WHERE title IN \(list: newTitles)")

    // guide: null
    let missing: String? = nil
    let values = try await pool.queryFirst("SELECT \(missing), 'x'", as: (String?, String).self)
    print(values?.0 ?? "nil", values?.1 ?? "nil")  // nil x
    // end

    // guide: returning
    let id = try await pool.writeQuery("INSERT INTO item (name) VALUES (\("lamp")) RETURNING id", as: Int.self)[0]
    // end
    print(id)

    let title = "Emma"
    // guide: plan
    let plan = try await pool.explain("SELECT copies FROM book WHERE title = \(title)")
    print(plan)  // SEARCH book USING INDEX sqlite_autoindex_book_1 (title=?)
    print(plan.allSteps.contains(where: \.isScan))  // false
    // end
}

// guide: own
enum Size: String, SQLiteEncodable, SQLiteDecodable {
    case small, large
}

struct Celsius: SQLiteEncodable, SQLiteDecodable {
    var degrees: Double

    var sqliteParameter: SQLiteParameter { degrees.sqliteParameter }

    init(cell: borrowing SQLiteCell) throws(SQLiteError) {
        degrees = try Double(cell: cell)
        guard degrees >= -273.15 else { throw cell.mismatch("it is colder than possible") }
    }
}
// end

func values(_ pool: SQLitePool) async throws {
    // guide: times
    let instant = Date(timeIntervalSince1970: 1_772_280_000.25)
    let key = UUID()
    try await pool.execute("INSERT INTO event (at, key) VALUES (\(instant), \(key))")
    let stored = try await pool.queryFirst("SELECT at, at, key FROM event", as: (String, Date, UUID).self)
    print(stored?.0 ?? "", stored?.1 == instant, stored?.2 == key)  // 2026-02-28 12:00:00.250 true true
    // end

    // guide: blobs
    let image = Data(repeating: 7, count: 1 << 20)
    try await pool.execute("UPDATE item SET image = \(image) WHERE name = 'lamp'")
    let size = try await pool.read { db in
        var size = 0
        try db.forEachRow("SELECT image FROM item WHERE image IS NOT NULL") { row in
            let bytes = try row.bytes(at: 0)  // a RawSpan: nothing is copied
            size += bytes.byteCount
        }
        return size
    }
    print(size)  // 1048576
    // end

    // guide: parts of blobs
    let part = 65_536
    let sum = try await pool.read { db in
        let id = try db.queryOne("SELECT id FROM item WHERE name = 'lamp'", as: Int64.self)
        return try db.withBlob(column: "image", of: "item", rowID: id) { blob in
            var sum = 0
            for start in stride(from: 0, to: blob.byteCount, by: part) {
                sum += try blob.read(start..<min(start + part, blob.byteCount)).reduce(0) { $0 + Int($1) }
            }
            return sum
        }
    }
    print(sum)  // 7340032
    // end

    // guide: own use
    try await pool.execute("UPDATE item SET size = \(Size.large) WHERE name = 'lamp'")
    let sizes = try await pool.query("SELECT size FROM item WHERE size IS NOT NULL", as: Size.self)
    // end
    print(sizes)
}
