// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct ListTests {
    @Test("A list is one parameter with a constant text, and each of its elements is exact")
    func elements() async throws {
        try await withPool { pool async throws in
            let empty: SQLiteQuery = "SELECT value FROM \(list: [Int]()) ORDER BY rowid"
            #expect(empty.text == "SELECT value FROM lock_pool_list(?) ORDER BY rowid" && empty.parameters.count == 1)
            #expect(try await pool.query(empty, as: Int.self) == [])
            let values: [SQLiteValue] = [
                .null, .integer(.min), .integer(1 << 53 + 1), .integer(.max), .real(0.1), .real(-0.0), .real(.infinity),
                .text(""), .text("a\0b"), .text("\"\\\u{1}\n'é\u{e9}e\u{301}🙂"), .blob([]), .blob([0, 255]),
            ]
            let query: SQLiteQuery = "SELECT value FROM \(list: values) ORDER BY rowid"
            #expect(query.text == empty.text)
            #expect(try await pool.query(query, as: SQLiteValue.self) == values)
            #expect(try await pool.write { db in try db.query(query, as: SQLiteValue.self) } == values)
            let date = Date(timeIntervalSince1970: 0.25)
            #expect(try await pool.query("SELECT \(date) IN \(list: [date])", as: Bool.self) == [true])
            #expect(try await pool.query("SELECT value FROM \(list: [Data([7])])", as: Data.self) == [Data([7])])
            #expect(try await pool.query("SELECT 1 IN \(list: [nil, 2])", as: Bool?.self) == [nil])
        }
    }

    @Test("A list selects rows by IN, joins tables, and inserts, in every kind of statement")
    func statements() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)")
            let (ids, names) = ([3, 1, 2], ["c", "a", "b"])
            try await pool.execute(
                """
                INSERT INTO t (id, s) SELECT i.value, n.value
                FROM \(list: ids) AS i JOIN \(list: names) AS n ON n.rowid = i.rowid
                """
            )
            let all = try await pool.query("SELECT id, s FROM t ORDER BY id", as: (Int, String).self)
            #expect(all.map { "\($0)" } == [(1, "a"), (2, "b"), (3, "c")].map { "\($0)" })
            #expect(
                try await pool.query("SELECT id FROM t WHERE id IN \(list: [2, 9, 2]) ORDER BY id", as: Int.self) == [2]
            )
            #expect(
                try await pool.query("SELECT id FROM t WHERE id NOT IN \(list: [2]) ORDER BY id", as: Int.self) == [
                    1, 3,
                ]
            )
            // The affinity of the column applies to an element, as it does to a parameter.
            #expect(try await pool.query("SELECT id FROM t WHERE id IN \(list: ["2"])", as: Int.self) == [2])
            let joined: SQLiteQuery = "SELECT l.rowid, s FROM \(list: [3, 3, 1]) AS l JOIN t ON id = l.value ORDER BY 1"
            #expect(try await pool.query(joined, as: (Int, String).self).map(\.1) == ["c", "c", "a"])
            let left: SQLiteQuery = "SELECT value, s FROM \(list: [9]) LEFT JOIN t ON id = value"
            #expect(try await pool.query(left, as: (Int, String?).self)[0] == (9, nil))
            #expect(try await pool.execute("UPDATE t SET s = 'z' WHERE id IN \(list: ids.prefix(2))").rowCount == 2)
            #expect(try await pool.execute("DELETE FROM t WHERE id IN \(list: Set(ids))").rowCount == 3)
        }
    }

    @Test("A row ID is the position of an element, from 1, whatever it is compared with")
    func rowIDs() async throws {
        try await withPool { pool in
            let letters = ["a", "b", "c"]
            for (row, expected) in [
                (SQLiteValue.integer(1), ["a"]), (.integer(3), ["c"]), (.integer(0), []), (.integer(4), []),
                (.integer(.max), []), (.integer(.min), []), (.real(2), ["b"]), (.real(2.5), []), (.text("2"), ["b"]),
                (.text("2x"), []), (.null, []), (.blob([50]), []),
            ] {
                let found = try await pool.query(
                    "SELECT value FROM \(list: letters) WHERE rowid = \(row)",
                    as: String.self
                )
                #expect(found == expected, "\(row)")
            }
            #expect(
                try await pool.query("SELECT value FROM \(list: letters) WHERE rowid IN (3, 1)", as: String.self)
                    .sorted() == ["a", "c"]
            )
            #expect(
                try await pool.query("SELECT value FROM \(list: letters) WHERE rowid > 1", as: String.self) == [
                    "b", "c",
                ]
            )
            #expect(
                try await pool.query("SELECT value FROM \(list: letters) WHERE value = 'b'", as: String.self) == ["b"]
            )
        }
    }

    @Test("One cached statement serves lists of all lengths, and a list in use twice")
    func cachedStatement() async throws {
        try await withPool { pool in
            try await pool.read { db in
                for count in [0, 1, 1_000, 3] {
                    #expect(try db.query("SELECT count(*) FROM \(list: 0..<count)", as: Int.self) == [count])
                    #expect(db.session.cache.count == 1)
                }
                var pairs: [(Int, Int)] = []
                try db.forEachRow("SELECT value FROM \(list: 0..<2)") { row in
                    let outer = try row.decode(Int.self, at: 0)
                    try db.forEachRow("SELECT value FROM \(list: 10..<12)") {
                        pairs.append((outer, try $0.decode(at: 0)))
                    }
                }
                #expect(pairs.map { $0 * 100 + $1 } == [10, 11, 110, 111])
            }
        }
    }

    @Test("An element that cannot be stored is an error that names it, and no statement runs")
    func unstorable() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            let lists: [SQLiteQuery] = [
                "INSERT INTO t SELECT value FROM \(list: [0, Double.nan])",
                "INSERT INTO t SELECT value FROM \(list: [0, UInt64.max])",
                "INSERT INTO t SELECT value FROM \(list: [Date.now, .distantFuture.addingTimeInterval(1e12)])",
            ]
            for list in lists {
                let error = try await sqliteError { try await pool.execute(list) }
                #expect(error.code == .encoding && error.message.hasPrefix("parameter 1 is a list whose element 2 is"))
            }
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test("Without a list, the table of lists is an error")
    func withoutList() async throws {
        try await withPool { pool in
            for text in [
                "SELECT 1 IN lock_pool_list(1)", "SELECT * FROM lock_pool_list", "SELECT * FROM lock_pool_list('x')",
            ] {
                let error = try await sqliteError { _ = try await pool.query(SQLiteQuery(unsafe: text), as: Int.self) }
                #expect(error.code == .error && error.message.hasPrefix("lock_pool_list() needs a list"))
            }
            for text in ["CREATE VIRTUAL TABLE v USING lock_pool_list", "INSERT INTO lock_pool_list VALUES (1)"] {
                await #expect(throws: SQLiteError.self) { try await pool.execute(SQLiteQuery(unsafe: text)) }
            }
            try await pool.execute("CREATE VIEW v AS SELECT value FROM lock_pool_list")
            let view = try await sqliteError { _ = try await pool.query("SELECT * FROM v", as: Int.self) }
            #expect(view.message == "unsafe use of virtual table \"lock_pool_list\"")
            // The list itself is no value.
            let list: SQLiteQuery = "SELECT list FROM \(list: [1])"
            #expect(try await pool.query(list, as: Int?.self) == [nil])
        }
    }

    @Test("The elements are released when the statement ends, also if it fails")
    func lifetime() async throws {
        let freed = FreedBytes()
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x UNIQUE)")
            let statements = [
                "SELECT count(*) FROM lock_pool_list(?)", "SELECT json(value) FROM lock_pool_list(?)", "SELEC ?",
                "INSERT INTO t SELECT 1 FROM lock_pool_list(?) UNION ALL SELECT 1",
            ]
            for (index, text) in statements.enumerated() {
                func query() -> SQLiteQuery {
                    let elements: SQLiteQuery = "\(list: [freed.data()])"
                    return SQLiteQuery(unsafe: text, parameters: elements.parameters)
                }
                _ = try? await pool.query(query(), as: Int.self)
                #expect(freed.count == index + 1, "\(text)")
            }
        }
    }
}

/// Bytes that count when they are freed.
private final class FreedBytes: Sendable {
    private let frees = Atomic(0)

    var count: Int { frees.load(ordering: .acquiring) }

    func data() -> Data {
        let size = 1_000
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xff, count: size)
        return unsafe Data(
            bytesNoCopy: memory,
            count: size,
            deallocator: .custom { [self] memory, _ in
                unsafe memory.deallocate()
                frees.add(1, ordering: .releasing)
            }
        )
    }
}
