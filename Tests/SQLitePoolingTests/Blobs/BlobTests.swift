// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

/// Blobs that are read and written in parts.
@Suite(.timeLimit(.minutes(10))) struct BlobTests {
    struct Oops: Error {}

    private func withFiles(_ configuration: SQLiteConfiguration = .init(), _ body: (SQLitePool) async throws -> Void)
        async throws
    {
        try await withPool(configuration) { pool in
            try await pool.executeScript(
                """
                CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT UNIQUE, content);
                INSERT INTO file VALUES (1, 'a', x'00010203'), (2, 'b', 'text'), (3, 'c', 17), (4, 'd', zeroblob(3000000))
                """
            )
            try await body(pool)
        }
    }

    private func content(_ pool: SQLitePool, _ id: Int) async throws -> [UInt8] {
        try await pool.queryOne("SELECT content FROM file WHERE id = \(id)", as: [UInt8].self)
    }

    @Test("A reader reads parts of a blob and of a text")
    func reading() async throws {
        try await withFiles { pool in
            let parts = try await pool.read { db in
                try db.withBlob(column: "content", of: "file", rowID: 1) { blob in
                    [try blob.read(0..<4), try blob.read(2..<3), try blob.read(4..<4), [UInt8(blob.byteCount)]]
                }
            }
            #expect(parts == [[0, 1, 2, 3], [2], [], [4]])
            let text = try await pool.read { db in
                try db.withBlob(column: "content", of: "file", rowID: 2) { blob in try blob.read(1..<3) }
            }
            #expect(text == Array("ex".utf8))
        }
    }

    @Test("A value of megabytes is written and read in parts", arguments: [1, 16])
    func large(_ writesPerCommit: Int) async throws {
        try await withFiles(.with(maximumWritesPerCommit: writesPerCommit)) { pool in
            let part = 100_000
            try await pool.write { db in
                try db.withBlob(column: "content", of: "file", rowID: 4, access: .readWrite) { blob in
                    for start in stride(from: 0, to: blob.byteCount, by: part) {
                        try blob.write([UInt8](repeating: UInt8(start / part), count: part), at: start)
                    }
                    let start: [UInt8] = [1, 2]
                    try blob.write(start.span, at: 0)
                }
            }
            let sum = try await pool.read { db in
                try db.withBlob(column: "content", of: "file", rowID: 4) { blob in
                    var sum = 0
                    for start in stride(from: 0, to: blob.byteCount, by: part) {
                        sum += try blob.read(start..<start + part).reduce(0) { $0 + Int($1) }
                    }
                    return sum
                }
            }
            #expect(sum == (0..<30).reduce(0, +) * part + 3)
        }
    }

    @Test("Positions outside of a value are errors, and the value is unchanged")
    func ranges() async throws {
        try await withFiles { pool in
            try await pool.write { db in
                try db.withBlob(column: "content", of: "file", rowID: 1, access: .readWrite) { blob in
                    for offset in [-1, 3, 5, Int.max, Int.min] {
                        let error = #expect(throws: SQLiteError.self) { try blob.write([7, 7], at: offset) }
                        #expect(error?.code == .range)
                    }
                    for range in [-1..<1, 3..<5, 4..<5, 0..<Int.max] {
                        let error = #expect(throws: SQLiteError.self) { _ = try blob.read(range) }
                        #expect(error?.code == .range)
                    }
                }
            }
            try await #expect(content(pool, 1) == [0, 1, 2, 3])
        }
    }

    @Test("Missing rows, columns and tables, other values, indexed columns and NUL characters are errors")
    func badInput() async throws {
        try await withFiles { pool in
            let values: [(String, String, Int64, SQLiteBlob.Access, SQLiteError.Code)] = [
                ("content", "file", 9, .read, .error), ("contents", "file", 1, .read, .error),
                ("content", "files", 1, .read, .error), ("content", "file", 3, .read, .error),
                ("name", "file", 1, .readWrite, .error), ("content\0", "file", 1, .read, .nulCharacter),
            ]
            for (column, table, id, access, code) in values {
                let error = try await sqliteError {
                    try await pool.write { db in
                        try db.withBlob(column: column, of: table, rowID: id, access: access) { _ in
                            _ = Issue.record("ran")
                        }
                    }
                }
                #expect(error.code.primary == code)
            }
            let reader = try await sqliteError {
                try await pool.read { db in
                    try db.withBlob(column: "content", of: "file", rowID: 1, access: .readWrite) { _ in
                        _ = Issue.record("ran")
                    }
                }
            }
            #expect(reader.code == .readOnly)
            let onlyRead = try await sqliteError {
                try await pool.write { db in
                    try db.withBlob(column: "content", of: "file", rowID: 1) { blob in try blob.write([1], at: 0) }
                }
            }
            #expect(onlyRead.code.primary == .readOnly)
            try await #expect(content(pool, 1) == [0, 1, 2, 3])
        }
    }

    @Test("A body that throws changes nothing, also outside of a transaction")
    func failure() async throws {
        try await withFiles { pool in
            try await pool.write { db in
                let error = #expect(throws: Oops.self) {
                    try db.withBlob(column: "content", of: "file", rowID: 1, access: .readWrite) { blob in
                        try blob.write([9, 9], at: 0)
                        throw Oops()
                    }
                }
                #expect(error != nil)
            }
            await #expect(throws: Oops.self) {
                try await pool.writeWithoutTransaction { db in
                    try db.withBlob(column: "content", of: "file", rowID: 1, access: .readWrite) { blob in
                        try blob.write([9, 9], at: 0)
                        throw Oops()
                    }
                }
            }
            try await #expect(content(pool, 1) == [0, 1, 2, 3])
            await expectNoLeases(pool)
        }
    }

    @Test("A blob whose row is changed by another statement expires")
    func expired() async throws {
        try await withFiles { pool in
            let error = try await sqliteError {
                try await pool.write { db in
                    try db.withBlob(column: "content", of: "file", rowID: 1, access: .readWrite) { blob in
                        try db.execute("UPDATE file SET content = x'ffff' WHERE id = 1")
                        _ = try blob.read(0..<1)
                    }
                }
            }
            #expect(error.code.primary == .abort)
            try await #expect(content(pool, 1) == [0, 1, 2, 3])
        }
    }

    @Test("A cancelled body reads and writes no further part")
    func cancelled() async throws {
        try await withFiles { pool in
            let meeting = Rendezvous()
            let task = Task {
                try await pool.write { db in
                    try db.withBlob(column: "content", of: "file", rowID: 1, access: .readWrite) { blob in
                        try blob.write([9], at: 0)
                        meeting.arrive()
                        meeting.wait()
                        try blob.write([9], at: 1)
                    }
                }
            }
            await meeting.arrived()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            meeting.release()
            await expectNoLeases(pool)
            try await #expect(content(pool, 1) == [0, 1, 2, 3])
        }
    }
}
