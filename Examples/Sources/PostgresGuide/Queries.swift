// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresPooling

func overview(_ url: String) async throws {
    // guide: overview
    let pool = try PostgresPool(url)
    try await pool.execute("CREATE TABLE book (title text PRIMARY KEY, copies integer NOT NULL)")
    let title = "Emma"
    try await pool.execute("INSERT INTO book VALUES (\(title), 3)")
    try await pool.withTransaction { db in
        try await db.execute("UPDATE book SET copies = copies - 1 WHERE title = \(title)")
        try await db.execute("INSERT INTO book VALUES (\(title + ", on loan"), 1)")
    }
    let books = try await pool.query("SELECT title, copies FROM book ORDER BY title", as: (String, Int).self)
    for (title, copies) in books { print("\(title): \(copies)") }
    await pool.close()
    // end
}

func statements(_ pool: PostgresPool) async throws {
    // guide: parameters
    let title = "Persuasion"
    let query: PostgresQuery = "INSERT INTO book VALUES (\(title), \(2))"
    print(query.text)  // INSERT INTO book VALUES ($1, $2)
    let command = try await pool.execute(query)
    print(command.rowCount)  // 1
    // end

    // guide: pieces
    let (table, column, minimum) = ("book", "title", 2)
    let condition: PostgresQuery = "copies >= \(minimum)"
    let wanted = try await pool.query(
        "SELECT \(identifier: column) FROM \(identifier: table) WHERE \(sql: condition) ORDER BY 1",
        as: String.self
    )
    print(wanted)  // ["Emma", "Persuasion"]
    // end

    // guide: conditions
    var conditions: [PostgresQuery] = ["copies >= \(minimum)"]
    conditions.append("title LIKE \("E%")")
    var search: PostgresQuery = "SELECT title FROM book WHERE \(sql: conditions.joined(separator: " AND "))"
    search += " LIMIT \(10)"
    try await print(pool.query(search, as: String.self))  // ["Emma"]
    // end

    // guide: script
    try await pool.executeScript(
        """
        CREATE TYPE size AS ENUM ('small', 'large');
        CREATE TABLE item (id bigint GENERATED ALWAYS AS IDENTITY, name text, size size, price numeric, tags text[]);
        CREATE TABLE event (day date, at timestamptz, payload jsonb);
        """
    )
    // end
}

func rows(_ pool: PostgresPool) async throws {
    // guide: rows
    let titles = try await pool.query("SELECT title FROM book ORDER BY title", as: String.self)
    let copies = try await pool.query("SELECT title, copies FROM book", as: (String, Int).self)
    let count = try await pool.query("SELECT count(*) FROM book", as: Int.self)[0]
    let emma = try await pool.queryFirst("SELECT copies FROM book WHERE title = 'Emma'", as: Int.self)
    // end
    print(titles, copies.count, count, emma ?? 0)

    // guide: names
    let rows = try await pool.query("SELECT title, copies AS number FROM book ORDER BY title")
    for row in rows {
        let title = try row.decode(String.self, named: "title")
        let number = try row.decode(Int.self, named: "number")
        print("\(number) of \(title)")
    }
    // end

    // guide: null
    let missing: String? = nil
    let values = try await pool.query("SELECT \(missing), upper(\(missing)), 'x'", as: (String?, String?, String).self)
    print(values[0])  // (nil, nil, "x")
    // end

    // guide: returning
    let id = try await pool.query("INSERT INTO item (name) VALUES (\("lamp")) RETURNING id", as: Int.self)[0]
    // end
    print(id)
}

func values(_ pool: PostgresPool) async throws {
    // guide: arrays
    let tags = ["new", "sale"]
    try await pool.execute("UPDATE item SET tags = \(tags) WHERE name = 'lamp'")
    let names = try await pool.query("SELECT name FROM item WHERE name = ANY(\(["lamp", "desk"]))", as: String.self)
    let stored = try await pool.query("SELECT tags FROM item WHERE tags IS NOT NULL", as: [String].self)
    // end
    print(names, stored)

    // guide: numbers
    let price = Decimal(string: "19.90")!
    try await pool.execute("UPDATE item SET price = \(price) WHERE name = 'lamp'")
    let (exact, digits, rough) = try await pool.query(
        "SELECT price, price, price::float8 FROM item WHERE name = 'lamp'",
        as: (Decimal, String, Double).self
    )[0]
    // end
    print(exact, digits, rough)

    // guide: types by the server
    let width = 5
    let padded = try await pool.query("SELECT lpad('7', \(width), '0')", as: String.self)
    // end
    print(padded)

    // guide: times
    let day = PostgresDate(year: 2026, month: 2, day: 28)!
    let instant = Date(timeIntervalSince1970: 1_772_280_000)
    try await pool.execute("INSERT INTO event (day, at) VALUES (\(day), \(instant))")
    let (nextDay, at) = try await pool.query(
        "SELECT day + 1, at FROM event WHERE day = \(day)",
        as: (PostgresDate, Date).self
    )[0]
    // end
    print(nextDay, at == instant)
    try await documents(pool)
}

// guide: codable
struct Order: Codable {
    var customer: String
    var items: [String]
}
// end

private func documents(_ pool: PostgresPool) async throws {
    // guide: json
    let order = Order(customer: "Ada", items: ["lamp"])
    try await pool.execute("INSERT INTO event (payload) VALUES (\(PostgresJSON(order)))")
    let json = try await pool.query(
        "SELECT payload FROM event WHERE payload->>'customer' = \(order.customer)",
        as: PostgresJSON<Order>.self
    )[0]
    print(json.value.items)  // ["lamp"]
    // end
}

// guide: own
enum Size: String, PostgresArrayEncodable, PostgresArrayDecodable {
    static let postgresType = PostgresType(named: "size")
    case small, large
}

struct Celsius: PostgresEncodable, PostgresDecodable {
    var degrees: Double

    var postgresParameter: PostgresParameter { degrees.postgresParameter }

    init(cell: borrowing PostgresCell) throws(PostgresError) {
        degrees = try Double(cell: cell)
        guard degrees >= -273.15 else { throw cell.mismatch("it is colder than possible") }
    }
}
// end

func ownTypes(_ pool: PostgresPool) async throws {
    // guide: own use
    try await pool.execute("UPDATE item SET size = \(Size.large) WHERE name = 'lamp'")
    let sizes = try await pool.query("SELECT size FROM item WHERE size IS NOT NULL", as: Size.self)
    // end
    print(sizes)
    try await structures(pool)
}
