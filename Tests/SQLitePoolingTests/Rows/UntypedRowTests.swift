// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct UntypedRowTests {
    private struct Item: Decodable, Equatable {
        var id: Int
        var name: String
        var tags: [String]
        var size: Double?
    }

    private let query: SQLiteQuery = """
        SELECT 1 AS id, 'lamp' AS name, '["a","b"]' AS tags, NULL AS size
        UNION ALL SELECT 2, 'größe', '[]', 1.5
        """

    @Test("Copied rows are a collection whose columns are read by index and by name")
    func access() async throws {
        try await withPool { pool in
            let rows = try await pool.query(query)
            #expect(rows.count == 2 && rows.columnNames == ["id", "name", "tags", "size"])
            #expect(rows[0][0] == .integer(1) && rows[0][3] == .null)
            #expect(rows[1]["name"] == .text("größe") && rows[1]["size"] == .real(1.5))
            #expect(rows[1]["missing"] == nil)
            #expect(rows.map(\.columnCount) == [4, 4] && rows[1].columnName(2) == "tags")
            #expect(try rows.map { try $0.decode(String.self, named: "name") } == ["lamp", "größe"])
            #expect(try rows[1].decode(Double.self, at: 3) == 1.5)
            let first = try rows[0].decode(as: (Int, String, String, Double?).self)
            #expect(first == (1, "lamp", "[\"a\",\"b\"]", nil))
            let empty = try await pool.query("SELECT 1 AS x WHERE 0")
            #expect(empty.isEmpty && empty.columnNames == ["x"])
            #expect(try empty.decode(as: Int.self) == [])
        }
    }

    @Test("Copied rows are decoded as tuples, values and Decodable types after the pool is closed")
    func decoding() async throws {
        let folder = try SampleFolder()
        let pool = try SQLitePool(.patient.at(folder.file()))
        let (rows, first) = (try await pool.query(query), try await pool.queryFirst(query))
        let blobs = try await pool.query("SELECT x'0102' UNION ALL SELECT zeroblob(3)")
        await pool.close()
        let items = [
            Item(id: 1, name: "lamp", tags: ["a", "b"], size: nil), Item(id: 2, name: "größe", tags: [], size: 1.5),
        ]
        #expect(try rows.decode(Item.self) == items)
        #expect(try first?.decode(Item.self) == items[0])
        #expect(try rows.decode(as: (Int, String, String, Double?).self).map(\.1) == ["lamp", "größe"])
        #expect(try blobs.decode(as: Data.self) == [Data([1, 2]), Data(count: 3)])
        #expect(blobs[1][0] == .blob([0, 0, 0]))
    }

    @Test("An error of a copied row names the column, its types and the statement")
    func errors() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x INTEGER)")
            try await pool.execute("INSERT INTO t VALUES (7)")
            let rows = try await pool.query("SELECT x FROM t")
            func code(_ body: () throws -> Void) throws -> SQLiteError.Code {
                try #require(throws: SQLiteError.self) { try body() }.code
            }
            #expect(try code { _ = try rows[0].decode(Int.self, at: 1) } == .columnCount)
            #expect(try code { _ = try rows[0].decode(Int.self, named: "y") } == .columnCount)
            #expect(try code { _ = try rows.decode(as: (Int, Int).self) } == .columnCount)
            #expect(try code { _ = try rows[0].decode(Item.self) } == .columnCount)
            let error = try #require(throws: SQLiteError.self) { try rows[0].decode(String.self, at: 0) }
            #expect(error.code == .decoding && error.sql == "SELECT x FROM t")
            #expect(error.message.hasPrefix("column “x” (index 0, declared INTEGER, stored INTEGER)"))
        }
    }

    @Test("Copied rows of a writing statement are committed, and those of a text in UTF-16 are read by several tasks")
    func concurrency() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x TEXT)")
        try await withPool(in: folder) { pool in
            let inserted = try await pool.write { db in
                try db.query("INSERT INTO t VALUES ('größe'), ('x') RETURNING x")
            }
            #expect(try inserted.decode(as: String.self) == ["größe", "x"])
            let rows = try await pool.query("SELECT x FROM t")
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 { group.addTask { try rows.decode(as: String.self) } }
                for try await values in group { #expect(values == ["größe", "x"]) }
            }
        }
    }

    @Test("A cursor's row has the values by name as a copied row has")
    func cursor() async throws {
        try await withPool { pool in
            let values = try await pool.read { db in
                try db.withCursor("SELECT 1 AS a, 'x' AS b") { cursor in
                    guard try cursor.next() else { return [SQLiteValue?]() }
                    return [cursor.row[0], cursor.row["b"], cursor.row["c"]]
                }
            }
            #expect(values == [.integer(1), .text("x"), nil])
        }
    }
}
