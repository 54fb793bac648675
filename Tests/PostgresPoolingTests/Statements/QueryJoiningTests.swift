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
