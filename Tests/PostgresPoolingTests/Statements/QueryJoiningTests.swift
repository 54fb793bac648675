// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct QueryJoiningTests {
    @Test("Appended and joined statements keep the order of their parameters, which get new numbers")
    func order() throws {
        let (city, age) = ("Rome", 30)
        var query: PostgresQuery = "SELECT name FROM person WHERE city = \(city)"
        query += " AND age > \(age)"
        #expect(query.text == "SELECT name FROM person WHERE city = $1 AND age > $2")
        try #expect(arguments(query) == arguments("\("Rome"), \(30)"))
        let sum = query + " LIMIT \(5)" + " OFFSET \(6)"
        #expect(sum.text == "SELECT name FROM person WHERE city = $1 AND age > $2 LIMIT $3 OFFSET $4")
        let conditions: [PostgresQuery] = ["a = \(1)", "b", "c IN (\(2), \(3))"]
        let joined = conditions.joined(separator: " AND ")
        #expect(joined.text == "a = $1 AND b AND c IN ($2, $3)")
        let whole: PostgresQuery = "SELECT \(0) WHERE \(sql: joined) AND \(4)"
        #expect(whole.text == "SELECT $1 WHERE a = $2 AND b AND c IN ($3, $4) AND $5")
        try #expect(arguments(whole) == arguments("\(0), \(1), \(2), \(3), \(4)"))
    }

    @Test("A separator may have parameters, and no statement joins to an empty one")
    func separators() {
        let parts: [PostgresQuery] = ["\(1)", "\(2)", "\(3)"]
        #expect(parts.joined(separator: " + \(9) + ").text == "$1 + $2 + $3 + $4 + $5")
        #expect(parts.joined(separator: ", ").parameters.count == 3)
        #expect(parts[..<1].joined(separator: " OR ").text == "$1")
        #expect([PostgresQuery]().joined(separator: ", ").text == "")
        #expect((["SELECT ", "1"] as [PostgresQuery]).joined().text == "SELECT 1")
    }

    @Test("A text with parameters of its own that is appended to other parameters fails before it is sent")
    func misnumbered() {
        var query: PostgresQuery = "SELECT \(1), "
        query += PostgresQuery(unsafe: "$1", parameters: [PostgresParameter(2)])
        let error = #expect(throws: PostgresError.self) { try query.validate(query.text) }
        #expect(error?.code == .encoding)
    }

    @Test("The first statement determines the format of the rows, and named types stay known")
    func format() {
        let text = PostgresQuery.asText("SELECT 1") + " UNION SELECT 2"
        #expect(text.hasTextResults)
        #expect(!("SELECT 1 UNION " + PostgresQuery.asText("SELECT 2")).hasTextResults)
        let parts: [PostgresQuery] = [.asText("SELECT 1"), "SELECT 2"]
        #expect(parts.joined(separator: " UNION ").hasTextResults)
        #expect(!parts.reversed().joined(separator: " UNION ").hasTextResults)
        let type = PostgresType(named: "mood")
        let query = "SELECT " + ("\(PostgresParameter.null(type))" as PostgresQuery)
        #expect(query.hasNamedTypes)
    }

    @Test("A comment at the end of a part does not contain the next part")
    func comments() {
        let note: PostgresQuery = "SELECT 1 -- note"
        #expect((note + " AND \(2)").text == "SELECT 1 -- note\n AND $1")
        #expect((note + "\nAND \(2)").text == "SELECT 1 -- note\nAND $1")
        #expect((note + "\(2)").text == "SELECT 1 -- note\n$1")
        #expect([note, "b -- c", "d"].joined(separator: " OR ").text == "SELECT 1 -- note\n OR b -- c\n OR d")
        let identifier: PostgresQuery = "a -- \(identifier: "b")"
        #expect((identifier + "c" + "d").text == "a -- \"b\"\ncd")
        var query = note
        for part in ["b", "-- c", "d"] { query += PostgresQuery(unsafe: part) }
        #expect(query.text == "SELECT 1 -- note\nb-- c\nd")
        #expect(
            ("\(sql: note) AND \(sql: note) \(1)" as PostgresQuery).text
                == "SELECT 1 -- note\n AND SELECT 1 -- note\n $1"
        )
        #expect(
            ("\(sql: note)\(identifier: "a")\(sql: note)\nb" as PostgresQuery).text
                == "SELECT 1 -- note\n\"a\"SELECT 1 -- note\nb"
        )
        #expect(("\(sql: note)\(sql: note)" as PostgresQuery).text == "SELECT 1 -- note\nSELECT 1 -- note")
        let value: PostgresQuery = "\(sql: note)\(1)"
        #expect(throws: PostgresError.self) { try value.validate(value.text) }
    }

    @Test("Hyphens that begin no comment, and comments of the literal itself, add no newline")
    func hyphens() {
        for text in ["'a -- b'", "\"a -- b\"", "/* -- */ a", "a -- b\n", "$$ -- $$", "a - b", "'a -- b", ""] {
            let part = PostgresQuery(unsafe: text)
            #expect((part + "c").text == text + "c")
            #expect(("\(sql: part)c" as PostgresQuery).text == text + "c")
        }
        #expect((("'a " as PostgresQuery) + "-- b" + "'").text == "'a -- b'")
        let note: PostgresQuery = "b -- note"
        #expect(("a -- AND \(sql: note) c" as PostgresQuery).text == "a -- AND b -- note c")
        #expect(("a -- AND \(sql: "b") c" as PostgresQuery).text == "a -- AND b c")
    }

    @Test("A dynamic condition selects rows on a server")
    func onServer() async throws {
        try await TestServer.shared.withPool { pool in
            let conditions: [PostgresQuery] = ["n % \(3) = 0", "n > \(10)", "n < \(20)"]
            let query: PostgresQuery =
                "SELECT n FROM generate_series(1, \(100)) AS n WHERE \(sql: conditions.joined(separator: " AND "))"
            try await equal(pool.query(query + " ORDER BY n DESC LIMIT \(2)", as: Int.self), [18, 15])
        }
    }
}
