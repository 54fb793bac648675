// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct RowStreamingTests {
    private static let numbers: SQLiteQuery =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i * i AS square FROM n"

    @Test("A statement runs only as far as its rows are requested")
    func lazily() async throws {
        try await withPool { pool in
            let total = try await pool.read { db in
                try db.withCursor(Self.numbers) { rows in
                    var total = 0
                    // The statement is endless.
                    while total < 1_000, try rows.next() { total += try rows.row.decode(Int.self, named: "square") }
                    return total
                }
            }
            #expect(total == 1_015)
        }
    }

    @Test("After the last row every request returns none")
    func end() async throws {
        try await withPool { pool in
            let answers = try await pool.read { db in
                try db.withCursor("SELECT 1") { rows in
                    [try rows.next(), try rows.next(), try rows.next()]
                }
            }
            #expect(answers == [true, false, false])
        }
    }

    @Test("Two statements can be iterated side by side, and the same one twice at a time")
    func sideBySide() async throws {
        try await withPool { pool in
            let pairs = try await pool.read { db in
                try db.withCursor(Self.numbers) { first in
                    try db.withCursor(Self.numbers) { second in
                        var pairs: [[Int]] = []
                        while pairs.count < 3, try first.next(), try second.next(), try second.next() {
                            pairs.append([try first.row.decode(at: 0), try second.row.decode(at: 0)])
                        }
                        return pairs
                    }
                }
            }
            #expect(pairs == [[1, 2], [2, 4], [3, 6]])
        }
    }

    @Test("Rows that a body has exchanged with those of an ended call return nothing more")
    func exchanged() async throws {
        try await withPool { pool in
            let goesOn = try await pool.read { db in
                try db.withCursor(Self.numbers) { first in
                    try db.withCursor(Self.numbers) { second in
                        _ = try second.next()
                        swap(&first, &second)
                    }
                    return try first.next()
                }
            }
            #expect(!goesOn)
            let next = try await pool.query("SELECT 1", as: Int.self)
            #expect(next == [1])
        }
    }

    @Test("A body that throws ends the statement, and its error is thrown unchanged")
    func thrown() async throws {
        struct Enough: Error {}
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            await #expect(throws: Enough.self) {
                try await pool.read { db in try db.withCursor(Self.numbers) { _ in throw Enough() } }
            }
            let next = try await pool.query("SELECT 1", as: Int.self)
            #expect(next == [1])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test("A row decodes all its columns or one by name, and names a missing column in its error")
    func decoding() async throws {
        try await withPool { pool in
            try await pool.read { db in
                try db.forEachRow("SELECT 1 AS a, 'x' AS b, 2 AS a") { row in
                    let all = try row.decode(as: (Int, String, Int).self)
                    #expect(all == (1, "x", 2))
                    let first = try row.decode(Int.self, named: "a")
                    #expect(first == 1)
                    let name = #expect(throws: SQLiteError.self) { try row.decode(Int.self, named: "A") }
                    #expect(name?.code == .columnCount && name?.message == "there is no column “A”")
                    let index = #expect(throws: SQLiteError.self) { try row.decode(Int.self, at: 3) }
                    #expect(index?.code == .columnCount)
                    let count = #expect(throws: SQLiteError.self) { try row.decode(as: (Int, String).self) }
                    #expect(count?.code == .columnCount)
                }
            }
        }
    }

    @Test("The bytes of a blob and a text are borrowed without a copy, and other values are an error")
    func bytes() async throws {
        try await withPool { pool in
            let large = [UInt8](repeating: 7, count: 1 << 20)
            try await pool.execute("CREATE TABLE t (a, b, c, d)")
            try await pool.execute("INSERT INTO t VALUES (\(large), \("äb"), \([] as [UInt8]), 1)")
            try await pool.read { db in
                try db.forEachRow("SELECT * FROM t") { row in
                    let blob = try row.bytes(at: 0)
                    #expect(blob.byteCount == 1 << 20)
                    #expect(unsafe blob.unsafeLoad(fromByteOffset: 1_000, as: UInt8.self) == 7)
                    let text = try row.bytes(at: 1)
                    #expect(unsafe text.withUnsafeBytes { unsafe Array($0) } == Array("äb".utf8))
                    let isEmpty = try row.bytes(at: 2).isEmpty
                    #expect(isEmpty)
                    // Reading other values does not move the bytes.
                    #expect(row[0].storageType == .blob && row[1] == .text("äb"))
                    #expect(unsafe blob.unsafeLoad(fromByteOffset: (1 << 20) - 1, as: UInt8.self) == 7)
                    for index in [3, 4] {
                        do throws(SQLiteError) {
                            _ = try row.bytes(at: index)
                            Issue.record("There are no bytes at \(index).")
                        } catch {
                            #expect(error.code == (index == 3 ? .decoding : .columnCount))
                        }
                    }
                }
            }
        }
    }

    @Test("A UTF-16 database returns the same texts")
    func utf16() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run(
            "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x); INSERT INTO t VALUES ('ä𝄞b')"
        )
        try await withPool(in: folder) { pool in
            #expect(try await pool.query("SELECT x FROM t", as: String.self) == ["ä𝄞b"])
            #expect(try await pool.query("SELECT x FROM t WHERE x = \("ä𝄞b")", as: SQLiteValue.self) == [.text("ä𝄞b")])
            let sizes = try await pool.read { db in
                var sizes: [Int] = []
                try db.forEachRow("SELECT x, \("äö") FROM t") { row in
                    sizes = [try row.bytes(at: 0).byteCount, try row.bytes(at: 1).byteCount]
                }
                return sizes
            }
            #expect(sizes == [7, 4])
        }
    }
}
