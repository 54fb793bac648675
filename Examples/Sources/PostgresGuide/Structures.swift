// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PostgresPooling

// guide: composite
// CREATE TYPE address AS (street text, number integer)
struct Address: PostgresComposite, PostgresArrayDecodable {
    static let postgresType = PostgresType(named: "address")
    var street: String
    var number: Int

    var postgresFields: [any PostgresEncodable] { [street, number] }

    init(street: String, number: Int) { (self.street, self.number) = (street, number) }

    init(cell: borrowing PostgresCell) throws(PostgresError) {
        (street, number) = try cell.decodeFields(as: (String, Int).self)
    }
}
// end

func structures(_ pool: PostgresPool) async throws {
    try await pool.withConnection { db in
        try await db.executeScript("DROP TYPE IF EXISTS address; CREATE TYPE address AS (street text, number integer)")
    }
    // guide: composite use
    let here = Address(street: "Main St", number: 7)
    let (street, same) = try await pool.query("SELECT (\(here)).street, \([here])", as: (String, [Address]).self)[0]
    print(street, same[0].number)  // Main St 7
    // end

    // guide: text
    let rights = try await pool.query(.asText("SELECT relacl FROM pg_class WHERE relname = 'book'"), as: String?.self)
    // end
    print(rights)
}
