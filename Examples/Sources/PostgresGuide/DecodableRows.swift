// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

// guide: decodable
struct Book: Decodable {
    var title: String
    var copies: Int
    var note: String?
}
// end

// guide: own row
struct Stock: PostgresRowDecodable {
    var title: String
    var copies: Int

    init(row: borrowing PostgresRow) throws(PostgresError) {
        title = try row.decode(at: 0)
        copies = try row.decode(at: 1)
    }
}
// end

func decodableRows(_ pool: PostgresPool) async throws {
    // guide: decodable use
    let books = try await pool.query("SELECT * FROM book ORDER BY title", decoding: Book.self, missingColumns: .areNil)
    print(books[0].title, books[0].copies, books[0].note ?? "-")  // Emma 2 -
    // end

    // guide: own row use
    let stock = try await pool.query("SELECT title, copies FROM book ORDER BY title", as: Stock.self)
    print(stock[0].title, stock[0].copies)  // Emma 2
    // end
}
