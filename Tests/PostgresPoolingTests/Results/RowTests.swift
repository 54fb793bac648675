// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct RowTests {
    private func people() -> PostgresRows {
        PostgresRows(
            sampleResult(
                [("name", .text), ("age", .int2)],
                [[Array("Ada".utf8), [0, 36]], [Array("Bob".utf8), nil]],
                sql: "SELECT name, age"
            )
        )
    }

    @Test("Rows decode as tuples, and rows of one column as their values")
    func decoding() throws {
        let rows = people()
        let all = try rows.decode(as: (String, Int?).self)
        #expect(all.map(\.0) == ["Ada", "Bob"] && all.map(\.1) == [36, nil])
        let names = PostgresRows(sampleResult([("n", .text)], [[[0x41]], [[0x42]]]))
        #expect(try names.decode(as: String.self) == ["A", "B"])
        let inferred: [String] = try names.decode()
        #expect(inferred == ["A", "B"])
        #expect(try names[1].decode(as: String.self) == "B")
        let first: (String, Int) = try rows[0].decode()
        #expect(first == ("Ada", 36))
    }

    @Test("A row outlives its rows, and decodes columns by index and name")
    func rows() throws {
        let row = people()[0]
        #expect(row.columnCount == 2 && row.columnName(1) == "age")
        #expect(try row.decode(Int.self, at: 1) == 36)
        #expect(try row.decode(String.self, named: "name") == "Ada")
        let rows = people()
        #expect(rows.columnNames == ["name", "age"])
        #expect(rows.count == 2 && rows.map(\.columnCount) == [2, 2])
        #expect(try rows.reversed().map { try $0.decode(String.self, at: 0) } == ["Bob", "Ada"])
    }

    @Test("A row has values by index and name, and none of an unknown name")
    func values() throws {
        let rows = people()
        #expect(try rows[0][0].decode(String.self) == "Ada")
        let age: Int = try rows[0][1].decode()
        #expect(age == 36)
        #expect(rows[1][1].isNull && !rows[1][0].isNull && rows[0][1].name == "age")
        #expect(try rows[0]["name"]?.decode(String.self) == "Ada")
        #expect(rows[1]["age"]?.isNull == true)
        #expect(rows[0]["Name"]?.isNull == nil)
        #expect(rows[0][1].type == .int2 && rows[0][1].index == 1)
        #expect("\(rows[0][1])" == "value of column “age” of type int2")
        let bytes = rows.map { $0["name"]?.bytes }
        #expect(bytes == [Array("Ada".utf8), Array("Bob".utf8)])
    }

    @Test("Another number of columns, or a missing column, is an error, even without rows")
    func columnCount() throws {
        let rows = people()
        let empty = PostgresRows(sampleResult([("a", .text)], [], sql: "SELECT a"))
        #expect(empty.isEmpty)
        let errors = [
            #expect(throws: PostgresError.self) { try rows.decode(as: String.self) },
            #expect(throws: PostgresError.self) { try rows.decode(as: (String, Int?, Int).self) },
            #expect(throws: PostgresError.self) { try rows[0].decode(as: String.self) },
            #expect(throws: PostgresError.self) { try rows[0].decode(String.self, at: 2) },
            #expect(throws: PostgresError.self) { try rows[0].decode(String.self, at: -1) },
            #expect(throws: PostgresError.self) { try rows[0].decode(String.self, named: "Name") },
            #expect(throws: PostgresError.self) { try empty.decode(as: (String, Int).self) },
        ]
        for error in errors { #expect(error?.code == .columnCount && error?.sql?.hasPrefix("SELECT") == true) }
        #expect(errors[1]?.message == "the rows have 2 columns, but 3 were requested")
        #expect(errors[3]?.message == "there is no column 2 in a row of 2")
        #expect(errors[5]?.message == "there is no column “Name”")
    }

    @Test("The number of rows of a command is that in its tag, or 0")
    func commands() {
        let counts = ["INSERT 0 5", "UPDATE 3", "SELECT 10", "CREATE TABLE", "BEGIN", "", "DELETE 0", "MERGE 2"]
            .map { PostgresCommand(tag: $0).rowCount }
        #expect(counts == [5, 3, 10, 0, 0, 0, 0, 2])
        #expect("\(PostgresCommand(tag: "UPDATE 3"))" == "UPDATE 3")
    }
}
