// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct HandleTests {
    private struct Refusal: Error {}

    /// Runs statements by SQLite's own function.
    static func run(_ sql: String, on handle: OpaquePointer) -> Int32 {
        unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    }

    @Test("The handle runs statements in the transaction of the body, and its errors are passed on")
    func use() async throws {
        try await withPool { pool in
            try await pool.write { db in
                let code = unsafe db.withHandle {
                    unsafe Self.run("CREATE TABLE t (x); INSERT INTO t VALUES (1)", on: $0)
                }
                let values = try db.query("SELECT x FROM t", as: Int.self)
                #expect(code == SQLITE_OK && values == [1])
            }
            await #expect(throws: Refusal.self) {
                try await pool.write { db in
                    unsafe try db.withHandle { handle throws(Refusal) in
                        _ = unsafe Self.run("INSERT INTO t VALUES (2)", on: handle)
                        throw Refusal()
                    }
                }
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("The handle cannot end the pool's transaction, and a transaction that it leaves open fails the call")
    func transactions() async throws {
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.write { db in
                for text in ["COMMIT", "ROLLBACK", "BEGIN"] {
                    #expect(unsafe db.withHandle { unsafe Self.run(text, on: $0) } == SQLITE_AUTH)
                }
                try db.execute("INSERT INTO t VALUES (1)")
            }
            let error = try await sqliteError {
                try await pool.writeWithoutTransaction { db in
                    #expect(
                        unsafe db.withHandle { unsafe Self.run("BEGIN; INSERT INTO t VALUES (2)", on: $0) } == SQLITE_OK
                    )
                }
            }
            #expect(error.code == .transactionLeftOpen)
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("Options, limits and the pool's callbacks are set back after the use of the handle")
    func settings() async throws {
        try await withPool(.with(busyTimeout: .milliseconds(1))) { pool in
            try await pool.executeScript("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (p REFERENCES p)")
            try await pool.writeWithoutTransaction { db in
                unsafe db.withHandle { handle in
                    _ = unsafe clockpool_sqlite_set_option(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0)
                    _ = unsafe clockpool_sqlite_set_option(handle, SQLITE_DBCONFIG_DEFENSIVE, 0)
                    _ = unsafe sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 10)
                    _ = unsafe sqlite3_set_authorizer(handle, { _, _, _, _, _, _ in SQLITE_DENY }, nil)
                    _ = unsafe sqlite3_commit_hook(handle, { _ in 1 }, nil)
                    unsafe sqlite3_progress_handler(handle, 1, { _ in 1 }, nil)
                    _ = unsafe sqlite3_busy_timeout(handle, 100_000)
                    _ = unsafe sqlite3_wal_autocheckpoint(handle, 1)
                    _ = unsafe sqlite3_extended_result_codes(handle, 0)
                }
                let foreignKey = #expect(throws: SQLiteError.self) { try db.execute("INSERT INTO t VALUES (1)") }
                #expect(foreignKey?.code == .constraintForeignKey)
                try db.execute("INSERT INTO p VALUES (1)")
                var (isDefensive, handler): (Int32, UnsafeMutableRawPointer?) = (0, nil)
                _ = unsafe clockpool_sqlite_option(db.session.handle, SQLITE_DBCONFIG_DEFENSIVE, &isDefensive)
                unsafe handler = sqlite3_commit_hook(db.session.handle, nil, nil)
                let session = unsafe Unmanaged.passUnretained(db.session).toOpaque()
                #expect(unsafe isDefensive == 1 && handler == session)
                db.session.installCallbacks()
            }
            // The hook of the log, which the automatic checkpoints of the handle had replaced.
            #expect(pool.statistics.log.pages > 0 && pool.statistics.log.checkpoints == 0)
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("An update hook of a body is removed, and one of afterConnect stays for the connection")
    func hooks() async throws {
        final class Count: Sendable { let value = Atomic(0) }
        let (count, persistent) = (Count(), Count())
        @Sendable func install(_ count: Count, on db: borrowing SQLiteConnection) {
            unsafe db.withHandle { handle in
                _ = unsafe sqlite3_update_hook(
                    handle,
                    { context, _, _, _, _ in
                        unsafe Unmanaged<Count>.fromOpaque(context!).takeUnretainedValue().value.add(
                            1,
                            ordering: .relaxed
                        )
                    },
                    Unmanaged.passUnretained(count).toOpaque()
                )
            }
        }
        try await withPool { pool in
            try await pool.write { db in
                try db.execute("CREATE TABLE t (x)")
                install(count, on: db)
                try db.execute("INSERT INTO t VALUES (1)")
            }
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(count.value.load(ordering: .relaxed) == 0)
            #expect(pool.statistics.connectionsClosed == 0)
        }
        try await withPool(hooks: SQLiteHooks(afterConnect: { install(persistent, on: $0) })) { pool in
            try await pool.executeScript("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
            try await pool.execute("INSERT INTO t VALUES (2)")
            #expect(persistent.value.load(ordering: .relaxed) == 2)
            // This use of the handle may have replaced the hook of the connection.
            try await pool.write { db in unsafe db.withHandle { _ in } }
            try await pool.execute("INSERT INTO t VALUES (3)")
            while pool.statistics.writer.closed == 0 { await Task.yield() }
            #expect(
                persistent.value.load(ordering: .relaxed) == 3 && pool.statistics.writer.createdAndClosed == [2, 1]
            )
        }
        withExtendedLifetime((count, persistent)) {}
    }

    @Test(
        "A connection is replaced if the handle changed what cannot be set back",
        arguments: [
            "PRAGMA synchronous = OFF", "ATTACH ':memory:' AS a", "CREATE TEMP TABLE u (x)", "PRAGMA temp_store = 2",
        ]
    )
    func replacement(text: String) async throws {
        try await withPool { pool in
            try await pool.writeWithoutTransaction { db in
                #expect(unsafe db.withHandle { unsafe Self.run(text, on: $0) } == SQLITE_OK)
            }
            #expect(
                try await pool.writeWithoutTransaction { db in try db.query("PRAGMA synchronous", as: Int.self) } == [1]
            )
            while pool.statistics.writer.closed == 0 { await Task.yield() }
            #expect(pool.statistics.writer.createdAndClosed == [2, 1])
        }
    }

    @Test(
        "A pragma that would break the pool is refused, and a statement that is not finalized replaces the connection"
    )
    func remains() async throws {
        try await withPool { pool in
            try await pool.writeWithoutTransaction { db in
                #expect(
                    unsafe db.withHandle { unsafe Self.run("PRAGMA wal_autocheckpoint = 5", on: $0) } == SQLITE_AUTH
                )
            }
            #expect(pool.statistics.connectionsClosed == 0)
            let statement = try await pool.read { db in
                unsafe db.withHandle { handle -> UInt in
                    var statement: OpaquePointer?
                    _ = unsafe sqlite3_prepare_v2(handle, "SELECT 1", -1, &statement, nil)
                    return UInt(bitPattern: statement)
                }
            }
            #expect(try await pool.query("SELECT 2", as: Int.self) == [2])
            // The connection closes after its lease has ended.
            while pool.statistics.readers.closed == 0 { await Task.yield() }
            #expect(pool.statistics.readers.createdAndClosed == [2, 1])
            // SQLite closes the connection with its last statement.
            #expect(unsafe sqlite3_finalize(OpaquePointer(bitPattern: statement)) == SQLITE_OK)
        }
    }
}
