// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPoolBench
import Testing

@Suite("Statement templates")
struct StatementTemplateTests {
    @Test("A random number becomes a bound parameter")
    func randomBecomesParameter() throws {
        let template = try StatementTemplate("SELECT name FROM user WHERE id = :random(1,100000) AND age > 3")
        #expect(template.sql == "SELECT name FROM user WHERE id = ? AND age > 3")
        #expect(template.ranges == [1...100_000])
    }

    @Test("Several random numbers keep their order")
    func severalKeepTheirOrder() throws {
        let template = try StatementTemplate("UPDATE t SET a=:random(-5,-1),b=:random( 0 , 9 )WHERE id=:random(7,7)")
        #expect(template.sql == "UPDATE t SET a=?,b=?WHERE id=?")
        #expect(template.ranges == [-5 ... -1, 0...9, 7...7])
    }

    @Test("A range can have all 64-bit integers")
    func wholeRange() throws {
        let template = try StatementTemplate("SELECT :random(\(Int64.min),\(Int64.max))")
        #expect(template.ranges == [Int64.min...Int64.max])
    }

    @Test(
        "Text that only looks like a parameter is not replaced",
        arguments: [
            "SELECT ':random(1,2)'",
            "SELECT 'it''s :random(1,2)', 1",
            "SELECT \":random(1,2)\" FROM t",
            "SELECT `:random(1,2)` FROM t",
            "SELECT [:random(1,2)] FROM t",
            "SELECT 1 -- :random(1,2)",
            "SELECT 1 /* :random(1,2) '*/ + 2",
            "SELECT 1 /* :random(1,2)",
            "SELECT a$b, été FROM t",
            "SELECT 'no end :random(1,2)",
        ]
    )
    func lookalikesAreLeftAlone(text: String) throws {
        let template = try StatementTemplate(text)
        #expect(template.sql == text)
        #expect(template.ranges.isEmpty)
    }

    @Test("A comment also ends at a line break of two characters")
    func commentEndsAtCarriageReturnLineFeed() throws {
        let template = try StatementTemplate("SELECT 1 -- it's one\r\n WHERE 1 = :random(1,1)")
        #expect(template.ranges == [1...1])
    }

    @Test("A quote with a combining mark is a quote")
    func combiningMarkDoesNotHideAQuote() throws {
        let template = try StatementTemplate("SELECT 'a', '\u{301} :random(1,2)', :random(3,4)")
        #expect(template.ranges == [3...4])
    }

    @Test(
        "A malformed random number is rejected with the correct form",
        arguments: [
            "SELECT :random",
            "SELECT :random()",
            "SELECT :random(5)",
            "SELECT :random(1,2,3)",
            "SELECT :random(a,b)",
            "SELECT :random(1;2)",
            "SELECT :random(1,2",
            "SELECT :random(1.5,2)",
            "SELECT :random(0,9223372036854775808)",
        ]
    )
    func malformedIsRefused(text: String) {
        let failure = #expect(throws: CommandFailure.self) { try StatementTemplate(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.description.contains("takes two whole numbers") == true)
    }

    @Test("In PostgreSQL parameters are numbered, and can be cast")
    func postgresParameters() throws {
        let template = try StatementTemplate(
            "SELECT :random(1,6)::int FROM t WHERE a IN (:random(7,8), b::bigint)",
            in: .postgres
        )
        #expect(template.sql == "SELECT $1::int FROM t WHERE a IN ($2, b::bigint)")
        #expect(template.ranges == [1...6, 7...8])
    }

    @Test(
        "Text that only looks like a parameter in PostgreSQL is not replaced",
        arguments: [
            "SELECT ':random(1,2)', ':x'",
            "SELECT $$:random(1,2)$$, $a$ $$ :b $a$",
            "SELECT E'it\\'s :random(1,2)', e'\\\\', 1",
            "SELECT 'a\\', 1",
            "SELECT 1 /* /* :a */ :random(1,2) */ + 2",
            "SELECT 1 /* /* :a */ :b",
            "SELECT data ? 'key', data @> '{}', data ?| a, @ -1 FROM t",
            "SELECT a[1:2], a[:2] FROM t",
            "SELECT f(x := 1), 2::text",
            "SELECT a$b FROM t",
            "SELECT $$no end :random(1,2)",
        ]
    )
    func postgresLookalikesAreLeftAlone(text: String) throws {
        let template = try StatementTemplate(text, in: .postgres)
        #expect(template.sql == text)
        #expect(template.ranges.isEmpty)
    }

    @Test(
        "Quotes of SQLite hide no parameter in PostgreSQL",
        arguments: ["SELECT a[:random(1,2)]", "SELECT 1 ` :random(1,2)", "SELECT 'a\\', :random(1,2), ''"]
    )
    func postgresParametersAreFound(text: String) throws {
        #expect(try StatementTemplate(text, in: .postgres).ranges == [1...2])
    }

    @Test("Another parameter is rejected by name in PostgreSQL, too", arguments: ["$1", ":id", "$12"])
    func foreignPostgresParameterIsRefused(parameter: String) {
        let failure = #expect(throws: CommandFailure.self) {
            try StatementTemplate("SELECT 1 + \(parameter)", in: .postgres)
        }
        #expect(failure?.description.contains("'\(parameter)' has no value") == true)
    }

    @Test("An empty range is rejected")
    func emptyRangeIsRefused() {
        let failure = #expect(throws: CommandFailure.self) { try StatementTemplate("SELECT :random(2,1)") }
        #expect(failure == .usage("':random(2,1)' is an empty range: the lower number comes first"))
    }

    @Test(
        "Another parameter is rejected by name",
        arguments: [
            ("?", "'?'"), ("?12", "'?12'"), (":id", "':id'"), ("@id", "'@id'"), ("$id", "'$id'"),
            (":randomly(1,2)", "':randomly'"),
        ]
    )
    func foreignParameterIsRefused(parameter: String, quoted: String) {
        let failure = #expect(throws: CommandFailure.self) { try StatementTemplate("SELECT 1 + \(parameter)") }
        #expect(failure?.description.contains(quoted) == true)
    }

    @Test("An empty statement is rejected", arguments: ["", "  \n", ";", "-- a comment", "/* another */ ;"])
    func emptyIsRefused(text: String) {
        #expect(throws: CommandFailure.usage("the SQL statement is empty")) { try StatementTemplate(text) }
    }

    @Test("Values lie within their range, and reach both ends")
    func drawnValuesFillTheRange() throws {
        let template = try StatementTemplate("SELECT :random(-1,1), :random(10,10)")
        var generator = SystemRandomNumberGenerator()
        var seen: Set<Int64> = []
        for _ in 0..<1_000 {
            let values = template.drawValues(using: &generator)
            #expect(values.count == 2 && values[1] == 10)
            seen.insert(values[0])
        }
        #expect(seen == [-1, 0, 1])
    }
}
