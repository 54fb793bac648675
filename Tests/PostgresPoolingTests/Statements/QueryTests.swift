// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct QueryTests {
    @Test("An interpolated value becomes a numbered parameter, and never a part of the text")
    func interpolation() throws {
        let name = "Robert'); DROP TABLE person;--"
        let query: PostgresQuery =
            "SELECT id FROM person WHERE name = \(name) AND age > \(18) AND note = \(String?.none)"
        #expect(query.text == "SELECT id FROM person WHERE name = $1 AND age > $2 AND note = $3")
        #expect(
            try arguments(query) == [
                Argument(type: 0, format: 0, bytes: Array(name.utf8)),
                Argument(type: 20, format: 1, bytes: [0, 0, 0, 0, 0, 0, 0, 18]),
                Argument(type: 0, format: 1, bytes: nil),
            ]
        )
    }

    @Test("A literal without interpolation has no parameters")
    func literal() throws {
        let query: PostgresQuery = "SELECT 'ä' || \"é\" || '$1'"
        #expect(query.text == "SELECT 'ä' || \"é\" || '$1'")
        #expect(query.parameters.isEmpty)
        #expect(try arguments(query).isEmpty)
    }

    @Test("A digit after a parameter does not become part of its number")
    func digitBehindParameter() {
        let digits: PostgresQuery = "0"
        #expect(("SELECT \(1)0" as PostgresQuery).text == "SELECT $1 0")
        #expect(("SELECT \(1)\(sql: digits)" as PostgresQuery).text == "SELECT $1 0")
        #expect(("SELECT \(1)::int" as PostgresQuery).text == "SELECT $1::int")
        #expect(("SELECT \(1)\(2)" as PostgresQuery).text == "SELECT $1$2")
        let combined: PostgresQuery = "SELECT \(1)0\u{301}"
        #expect(Array(combined.text.utf8) == Array("SELECT $1 0\u{301}".utf8))
        let numbered = PostgresQuery(unsafe: "SELECT $1", parameters: [PostgresParameter(1)])
        #expect(("\(sql: numbered)0" as PostgresQuery).text == "SELECT $1 0")
    }

    @Test("A placeholder does not merge with adjacent words")
    func words() {
        #expect(("SELECT n FROM t LIMIT\(1)" as PostgresQuery).text == "SELECT n FROM t LIMIT $1")
        #expect(("SELECT\(1)AS é\(2)$\(3)_\(4)9\(5)" as PostgresQuery).text == "SELECT $1 AS é $2 $ $3 _ $4 9 $5")
        #expect(("SELECT a\(sql: "\(1)")" as PostgresQuery).text == "SELECT a $1")
        #expect(("SELECT (\(1)+\(2))" as PostgresQuery).text == "SELECT ($1+$2)")
        #expect(("\(1)" as PostgresQuery).text == "$1")
        #expect(("SELECT name$1\(2)" as PostgresQuery).text == "SELECT name$1 $1")
        let inner: PostgresQuery = "a\(1)0 b\(2)"
        #expect(("\(0), \(sql: inner)" as PostgresQuery).text == "$1, a $2 0 b $3")
    }

    @Test(
        "An identifier is quoted, and its quotes are doubled",
        arguments: ["person", "a b", "x\"; DROP TABLE t; --", "é", "", "\"", "\"\u{301}", "a\"\u{301}\""]
    )
    func identifier(name: String) {
        let query: PostgresQuery = "SELECT * FROM \(identifier: name)"
        // Compared and split by bytes, since a quote with a combining mark is another character.
        let doubled = name.utf8.flatMap { $0 == UInt8(ascii: "\"") ? [$0, $0] : [$0] }
        #expect(Array(query.text.utf8) == Array("SELECT * FROM \"".utf8) + doubled + Array("\"".utf8))
        #expect(query.parameters.isEmpty)
    }

    @Test("An interpolated statement contributes its parameters, which are renumbered")
    func splice() throws {
        let condition: PostgresQuery = "é = '$1' AND age > \(18) AND city = \("Rome")"
        let query: PostgresQuery = "SELECT \(1) WHERE \(sql: condition) OR \(sql: condition) LIMIT \(5)"
        #expect(
            query.text
                == "SELECT $1 WHERE é = '$1' AND age > $2 AND city = $3 OR é = '$1' AND age > $4 AND city = $5 LIMIT $6"
        )
        #expect(try arguments(query).map { $0.bytes?.last } == [1, 18, 101, 18, 101, 5])
    }

    @Test("Interpolated statements are numbered consecutively, also with two digits")
    func spliceOfMany() {
        var list: PostgresQuery = "\(0)"
        for number in 1..<12 { list = "\(sql: list), \(number)" }
        let query: PostgresQuery = "SELECT \("x"), \(sql: list)"
        #expect(query.text == "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13")
        #expect(query.parameters.count == 13)
    }

    @Test("Text from elsewhere keeps its own numbers, and fails if they conflict")
    func unsafeText() throws {
        let text = PostgresQuery(
            unsafe: "a = $2 OR b = $1",
            parameters: [PostgresParameter("x"), PostgresParameter(7)]
        )
        let first: PostgresQuery = "SELECT \(sql: text) OR c = \(true)"
        #expect(first.text == "SELECT a = $2 OR b = $1 OR c = $3")
        #expect(try arguments(first).map(\.type) == [0, 20, 16])
        for query: PostgresQuery in ["SELECT \(1), \(sql: text)", "SELECT \(1), \(sql: first)"] {
            let error = #expect(throws: PostgresError.self) { try arguments(query) }
            #expect(error?.code == .encoding && error?.sql == query.text)
        }
    }

    @Test("No description of a statement or a parameter contains a value")
    func descriptions() {
        let secret = "hunter2"
        let query: PostgresQuery = "SELECT \(secret), \(Array(secret.utf8))"
        var dumped = ""
        dump(query, to: &dumped)
        for text in ["\(query)", String(reflecting: query), "\([query])", dumped] {
            #expect(text.contains("SELECT $1, $2"))
            #expect(!text.contains(secret) && !text.contains("104"))
        }
        dump(query.parameters, to: &dumped)
        for text in ["\(query.parameters)", String(reflecting: query.parameters), dumped] {
            #expect(text.contains("bytea"))
            #expect(!text.contains(secret) && !text.contains("104"))
        }
    }

    @Test("A NUL character in a statement is an error, and does not end the statement")
    func nulInText() throws {
        try ("SELECT 1" as PostgresQuery).validate("SELECT 1")
        for query: PostgresQuery in [
            PostgresQuery(unsafe: "DELETE FROM t\0 WHERE a"), "DELETE FROM \(identifier: "t\0")",
        ] {
            let error = #expect(throws: PostgresError.self) { try query.validate(query.text) }
            #expect(error?.code == .encoding)
        }
    }

    @Test("A NUL character in a text causes an error that names the parameter, and does not end the text")
    func nulInParameter() throws {
        let nul = "hunter\0"
        for query: PostgresQuery in ["SELECT \(1), \(nul)", "SELECT \(1), \(["a", nul])", "SELECT \(1), \([nil, nul])"]
        {
            let error = #expect(throws: PostgresError.self) { try arguments(query) }
            #expect(error?.code == .encoding)
            #expect(error?.message.hasPrefix("parameter $2: ") == true)
            #expect(error.map { "\($0)" }?.contains("hunter") == false)
        }
    }

    @Test("As many parameters as the protocol can count are sent, and one more is an error")
    func parameterCount() throws {
        let most = PostgresQuery(unsafe: "", parameters: Array(repeating: PostgresParameter("é"), count: 65_535))
        #expect(try arguments(most).allSatisfy { $0 == Argument(type: 0, format: 0, bytes: [0xC3, 0xA9]) })
        let more = PostgresQuery(unsafe: "", parameters: most.parameters + [PostgresParameter(1)])
        let error = #expect(throws: PostgresError.self) { try arguments(more) }
        #expect(error?.code == .encoding)
        try most.validate(most.text)
        #expect(throws: PostgresError.self) { try more.validate(more.text) }
    }

    @Test("A parameter without a value fails before its statement is prepared with a wrong type")
    func validation() throws {
        let text = PostgresQuery(unsafe: "a = $1", parameters: [PostgresParameter(7)])
        for query: PostgresQuery in ["SELECT \(1), \(Decimal.nan)", "SELECT \(1) = \(sql: text)"] {
            let error = #expect(throws: PostgresError.self) { try query.validate(query.text) }
            #expect(error?.code == .encoding && error?.sql == query.text)
        }
    }
}
