// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import SQLitePooling
import Synchronization

/// A child process for the tests of `SQLitePooling` that is killed, holds a lock, or writes.
@main
struct FaultChild {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let number = Int(arguments[3]) else {
            say(
                "usage: sqlite-fault-child write|increment|lock|reset|reset-grouped|reset-control|temporary|store|STATEMENT PATH NUMBER"
            )
            exit(64)
        }
        switch arguments[1] {
        case "write": try await write(arguments[2], run: number)
        case "increment": try await increment(arguments[2], times: number)
        case "lock": try lock(arguments[2])
        case "reset": try await reset(arguments[2], rounds: number, SQLiteConfiguration())
        case "reset-grouped":
            var configuration = SQLiteConfiguration()
            configuration.maximumWritesPerCommit = 16
            try await reset(arguments[2], rounds: number, configuration)
        case "reset-control": try await resetBesideCheckpoints(arguments[2], rounds: number)
        case "temporary": try await temporary()
        case "store": try await store(arguments[2], bytes: number)
        default: try run(arguments[1], arguments[2])
        }
    }

    /// Writes from several tasks until it is killed, and reports each committed transaction.
    private static func write(_ path: String, run: Int) async throws {
        var configuration = SQLiteConfiguration(path)
        configuration.pool.checkoutTimeout = .seconds(600)
        configuration.setup = ["ATTACH \(path + "-second") AS second"]
        configuration.maximumWritesPerCommit = run % 4 < 2 ? 1 : 8
        // Frequent checkpoints. In every other run the process is killed during one of them.
        configuration.checkpoints.interval = 20
        let deadliest = run.isMultiple(of: 2) ? nil : run % 5 + 1
        let pool = try SQLitePool(configuration, observers: [CheckpointReporter(deadliest: deadliest)])
        try await pool.write { db in
            try db.executeScript(
                """
                CREATE TABLE IF NOT EXISTS entry (worker INTEGER, number INTEGER, filling BLOB, PRIMARY KEY (worker, number));
                CREATE TABLE IF NOT EXISTS total (worker INTEGER PRIMARY KEY, count INTEGER);
                CREATE TABLE IF NOT EXISTS second.entry (worker INTEGER, number INTEGER, filling BLOB, PRIMARY KEY (worker, number));
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
                            try db.withSavepoint { db in
                                _ = try db.execute("INSERT INTO entry VALUES (\(worker), \(number), \(filling))")
                            }
                            try db.execute("INSERT INTO second.entry VALUES (\(worker), \(number), \(filling))")
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

    /// Increments a number repeatedly, each time by reading it and writing it back.
    private static func increment(_ path: String, times: Int) async throws {
        var configuration = SQLiteConfiguration(path)
        configuration.busyTimeout = .seconds(600)
        let pool = try SQLitePool(configuration)
        for _ in 0..<times {
            try await pool.write { db in
                let number = try db.queryFirst("SELECT x FROM number", as: Int.self) ?? 0
                try db.execute("UPDATE number SET x = \(number + 1)")
            }
        }
        await pool.close()
    }

    /// Provokes SQLite's WAL-reset bug with transactions that exceed the length at which a
    /// checkpoint is due, each followed by short transactions that increment a count. Exits with 1
    /// as soon as a committed count is lost.
    private static func reset(
        _ path: String,
        rounds: Int,
        _ configuration: SQLiteConfiguration,
        afterLargeWrite: () -> Void = {}
    ) async throws {
        var configuration = configuration
        configuration.location = .path(path)
        configuration.busyTimeout = .seconds(600)
        let pool = try SQLitePool(configuration)
        try await pool.write { db in
            try db.executeScript(
                """
                CREATE TABLE IF NOT EXISTS large (id INTEGER PRIMARY KEY, v INTEGER, filling BLOB);
                CREATE TABLE IF NOT EXISTS small (id INTEGER PRIMARY KEY, v INTEGER);
                """
            )
        }
        // A separate row for each process.
        let id = Int(getpid())
        try await pool.write { db in
            try db.execute(
                """
                INSERT INTO large (v, filling)
                SELECT 0, zeroblob(3500) FROM (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 4200) SELECT x FROM n)
                WHERE NOT EXISTS (SELECT 1 FROM large)
                """
            )
            try db.execute("INSERT INTO small VALUES (\(id), 0)")
        }
        var committed = 0
        for round in 1...rounds {
            try await pool.write { db in _ = try db.execute("UPDATE large SET v = \(round)") }
            afterLargeWrite()
            // The next transactions fall into the checkpoint at this moment.
            usleep(UInt32.random(in: 0...20_000))
            for _ in 0..<5 {
                try await pool.write { db in _ = try db.execute("UPDATE small SET v = v + 1 WHERE id = \(id)") }
                committed += 1
                usleep(500)
            }
            let found = try await pool.queryFirst("SELECT v FROM small WHERE id = \(id)", as: Int.self)
            guard found == committed else {
                say("round \(round): small.v is \(found ?? -1), and \(committed) commits have returned")
                exit(1)
            }
        }
        await pool.close()
        say("\(committed)")
    }

    /// As `reset`, on a pool that makes no checkpoints, while a connection of another thread makes
    /// one after another.
    private static func resetBesideCheckpoints(_ path: String, rounds: Int) async throws {
        var configuration = SQLiteConfiguration()
        configuration.checkpoints.isAutomatic = false
        var handle: OpaquePointer?
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK else { exit(2) }
        nonisolated(unsafe) let checkpointer = unsafe handle
        try await reset(path, rounds: rounds, configuration) {
            Thread.detachNewThread {
                // Opens the log if it is not open yet.
                _ = unsafe sqlite3_exec(checkpointer, "PRAGMA schema_version", nil, nil, nil)
                for _ in 0..<4 {
                    _ = unsafe sqlite3_wal_checkpoint_v2(checkpointer, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
                }
            }
        }
    }

    /// Stores a blob, and prints by how many KiB that has raised the peak memory of the process.
    private static func store(_ path: String, bytes: Int) async throws {
        let pool = try SQLitePool(path)
        try await pool.execute("CREATE TABLE blob (bytes BLOB)")
        try await pool.execute("INSERT INTO blob VALUES (\(Data(repeating: 1, count: 4 << 20)))")
        let data = Data(repeating: 7, count: bytes)
        let before = greatestMemory()
        try await pool.execute("INSERT INTO blob VALUES (\(data))")
        say("\(greatestMemory() - before)")
        await pool.close()
    }

    /// Returns the peak memory in KiB.
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

    /// Locks a file until the process is killed.
    private static func lock(_ path: String) throws {
        var handle: OpaquePointer?
        guard unsafe sqlite3_open(path, &handle) == SQLITE_OK,
            unsafe sqlite3_exec(handle, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", nil, nil, nil) == SQLITE_OK
        else { exit(1) }
        say("locked")
        while true { pause() }
    }

    /// Keeps a temporary database until the process is killed, and prints its path.
    private static func temporary() async throws {
        let pool = try SQLitePool(":memory:")
        try await pool.execute("CREATE TABLE t (x)")
        say(pool.path)
        while true { try await Task.sleep(for: .seconds(3_600)) }
    }

    /// Writes a line without buffering.
    fileprivate static func say(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = unsafe Foundation.write(STDOUT_FILENO, bytes, bytes.count)
    }
}

/// Prints the beginning and the end of each checkpoint, and kills the process during one of them.
private final class CheckpointReporter: SQLitePoolObserver {
    private let deadliest: Int?
    private let count = Atomic(0)

    /// - Parameter deadliest: The number of the checkpoint during which the process is killed;
    ///   `nil` for none.
    init(deadliest: Int?) { self.deadliest = deadliest }

    func observe(_ event: PoolEvent, in pool: String) {}

    func observe(_ event: SQLitePoolEvent, in pool: String) {
        switch event {
        case .checkpointBegan:
            FaultChild.say("begin")
            if count.add(1, ordering: .relaxed).newValue == deadliest {
                Thread.detachNewThread {
                    usleep(.random(in: 0...300))
                    kill(getpid(), SIGKILL)
                }
            }
        case .checkpointEnded: FaultChild.say("end")
        }
    }
}
