// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import Foundation
import SQLitePooling

/// Another process for the tests of `SQLitePooling`: one that is killed, one that holds a lock, one that writes too.
@main
struct FaultChild {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let number = Int(arguments[3]) else {
            say("usage: sqlite-fault-child write|increment|lock|store|STATEMENT PATH NUMBER")
            exit(64)
        }
        switch arguments[1] {
        case "write": try await write(arguments[2], run: number)
        case "increment": try await increment(arguments[2], times: number)
        case "lock": try lock(arguments[2])
        case "store": try await store(arguments[2], bytes: number)
        default: try run(arguments[1], arguments[2])
        }
    }

    /// Writes from several tasks until it is killed, and says of each transaction that it is committed.
    private static func write(_ path: String, run: Int) async throws {
        // Checkpoints come often, so that some are killed too.
        let configuration = SQLiteConfiguration(
            checkoutTimeout: .seconds(600),
            pragmas: [SQLitePragma("wal_autocheckpoint", 20, on: .writer)]
        )
        let pool = try SQLitePool(path: path, configuration: configuration)
        try await pool.write { db in
            try db.executeScript(
                """
                CREATE TABLE IF NOT EXISTS entry (worker INTEGER, number INTEGER, filling BLOB, PRIMARY KEY (worker, number));
                CREATE TABLE IF NOT EXISTS total (worker INTEGER PRIMARY KEY, count INTEGER);
                """
            )
        }
        try await withThrowingTaskGroup { group in
            for index in 0..<4 {
                let worker = run * 4 + index
                group.addTask {
                    for number in 1... {
                        let filling = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 5 * 500)
                        try await pool.write { db in
                            try db.execute("INSERT INTO entry VALUES (\(worker), \(number), \(filling))")
                            try db.execute(
                                """
                                INSERT INTO total VALUES (\(worker), 1)
                                ON CONFLICT (worker) DO UPDATE SET count = count + 1
                                """
                            )
                        }
                        say("\(worker) \(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Adds one to a number so many times, each time by reading it and writing it back.
    private static func increment(_ path: String, times: Int) async throws {
        let pool = try SQLitePool(path: path, configuration: SQLiteConfiguration(busyTimeout: .seconds(600)))
        for _ in 0..<times {
            try await pool.write { db in
                let number = try db.queryFirst("SELECT x FROM number", as: Int.self) ?? 0
                try db.execute("UPDATE number SET x = \(number + 1)")
            }
        }
        await pool.close()
    }

    /// Stores a blob, and says by how many KiB the greatest memory of the process has grown meanwhile.
    private static func store(_ path: String, bytes: Int) async throws {
        let pool = try SQLitePool(path: path)
        try await pool.execute("CREATE TABLE blob (bytes BLOB)")
        try await pool.execute("INSERT INTO blob VALUES (\(Data(repeating: 1, count: 4 << 20)))")
        let data = Data(repeating: 7, count: bytes)
        let before = greatestMemory()
        try await pool.execute("INSERT INTO blob VALUES (\(data))")
        say("\(greatestMemory() - before)")
        await pool.close()
    }

    /// In KiB.
    private static func greatestMemory() -> Int {
        var usage = rusage()
        #if os(Linux)
            unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss
        #else
            unsafe getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss / 1_024
        #endif
    }

    /// Runs a statement.
    private static func run(_ sql: String, _ path: String) throws {
        var handle: OpaquePointer?
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK,
            unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK
        else { exit(1) }
        _ = unsafe sqlite3_close(handle)
    }

    /// Locks a file until it is killed.
    private static func lock(_ path: String) throws {
        var handle: OpaquePointer?
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK,
            unsafe sqlite3_exec(handle, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", nil, nil, nil) == SQLITE_OK
        else { exit(1) }
        say("locked")
        while true { pause() }
    }

    /// Writes a line at once.
    private static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = unsafe Foundation.write(STDOUT_FILENO, bytes, bytes.count)
    }
}
