// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Foundation
import SQLitePooling
import Testing

extension FileFaultTests {
    @Test("A statement beyond SQLite's length limit, or with too many parameters, is an error")
    func limits() async {
        await #expect(processExitsWith: .success) {
            lowerLimits()
            try await withPool { pool in
                try await pool.execute("CREATE TABLE t (x)")
                let long = SQLiteQuery(unsafe: "SELECT 1 -- " + String(repeating: "x", count: 10_000))
                let tooLong = try await sqliteError { _ = try await pool.query(long, as: Int.self) }
                #expect(tooLong.code == .tooBig && tooLong.sql == long.text)
                let longScript = try await sqliteError { try await pool.write { db in try db.executeScript(long) } }
                #expect(longScript.code == .tooBig)
                let marks = Array(repeating: "?", count: 51).joined(separator: ",")
                let values = Array(repeating: SQLiteValue.integer(1), count: 51)
                let many = SQLiteQuery(unsafe: "SELECT 1 WHERE 1 IN (\(marks))", parameters: values)
                let tooMany = try await sqliteError { _ = try await pool.query(many, as: Int.self) }
                #expect(tooMany.code == .error && tooMany.message.contains("too many SQL variables"))
                let numbered = try await sqliteError { _ = try await pool.query("SELECT ?51", as: Int.self) }
                #expect(numbered.code == .error && numbered.sql == "SELECT ?51")
                let large = [UInt8](repeating: 0, count: 100_001)
                let tooLarge = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (\(large))") }
                #expect(tooLarge.code == .tooBig)
                try await pool.execute("INSERT INTO t VALUES (1)")
                #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
                #expect(pool.statistics.connectionsClosed == 0)
            }
        }
    }
}

/// Makes SQLite set lower limits on each connection that this process opens from now on.
private func lowerLimits() {
    typealias Extension =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, OpaquePointer?
        ) -> Int32
    let lower: Extension = { handle, _, _ in
        unsafe sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 10_000)
        unsafe sqlite3_limit(handle, SQLITE_LIMIT_VARIABLE_NUMBER, 50)
        unsafe sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 100_000)
        return SQLITE_OK
    }
    unsafe sqlite3_auto_extension(unsafeBitCast(lower, to: (@convention(c) () -> Void).self))
}
