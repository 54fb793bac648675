// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct CrashTests {
    private static let killCount = isSanitized ? 50 : 200

    @Test("After a process is killed at any moment, the file is sound and contains all acknowledged transactions")
    func killed() async throws {
        var random = SeededGenerator(seed: SeededGenerator.seed("killed"))
        let folder = try SampleFolder()
        var (acknowledged, checkpoints) = (0, 0)
        for run in 0..<Self.killCount {
            var children = [try startChild("write", folder.file(), run)]
            // In some runs another process writes to the same file and is killed as well.
            if run % 4 == 3 { children.append(try startChild("write", folder.file(), run + Self.killCount)) }
            // Some processes are killed while they open the file.
            let count = random.next() % 10 == 0 ? 0 : Int.random(in: 1...60, using: &random)
            let delay = UInt32.random(in: 0...(count == 0 ? 20_000 : 1_500), using: &random)
            let outputs = try await withThrowingTaskGroup(of: [Substring].self) { group in
                for child in children { group.addTask { try await lines(of: child, killedAfter: count, delay) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let entries = outputs.joined().map { $0.split(separator: " ").compactMap { Int($0) } }.filter {
                $0.count == 2
            }
            try await check(folder, entries)
            acknowledged += entries.count
            checkpoints += outputs.count { $0.last(where: { $0 == "begin" || $0 == "end" }) == "begin" }
        }
        print("killed: \(acknowledged) transactions acknowledged, \(checkpoints) checkpoints interrupted")
        #expect(acknowledged > Self.killCount && checkpoints > Self.killCount / 10)
    }

    /// Kills a child process after some lines of its output and a delay.
    ///
    /// - Returns: The complete lines.
    private func lines(of child: ChildProcess, killedAfter count: Int, _ delay: UInt32) async throws -> [Substring] {
        if count == 0 {
            try await Task.sleep(for: .microseconds(delay))
            child.send(SIGKILL)
        }
        let isSent = Atomic(count == 0)
        let output = await child.output.text { text in
            guard text.utf8.count(where: { $0 == UInt8(ascii: "\n") }) >= count else { return false }
            if !isSent.exchange(true, ordering: .relaxed) {
                usleep(delay)
                child.send(SIGKILL)
            }
            return true
        }
        let errors = await child.errors.text()
        #expect(await child.exitCode() == 128 + SIGKILL, "\(errors)")
        // A truncated line is ignored.
        return output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }

    /// Checks the file with a new pool after the processes have ended.
    private func check(_ folder: SampleFolder, _ acknowledged: [[Int]]) async throws {
        let configuration = SQLiteConfiguration.with(
            maximumReaders: 1,
            setup: ["ATTACH \(folder.file() + "-second") AS second"]
        )
        try await withPool(configuration, in: folder) { pool in
            #expect(try await integrityProblems(pool) == [])
            guard !acknowledged.isEmpty else { return }
            let missing = try await pool.read { db in
                try acknowledged.filter { entry in
                    try db.query(
                        """
                        SELECT 1 FROM entry JOIN second.entry AS other USING (worker, number)
                        WHERE worker = \(entry[0]) AND number = \(entry[1])
                        """,
                        as: Int.self
                    ) == []
                }
            }
            #expect(missing == [])
            let torn = try await pool.query(
                """
                SELECT worker FROM total AS t
                WHERE count <> (SELECT count(*) FROM entry AS e WHERE e.worker = t.worker)
                    OR count <> (SELECT max(number) FROM entry AS e WHERE e.worker = t.worker)
                """,
                as: Int.self
            )
            #expect(torn == [])
        }
    }

    @Test("Two processes with one file lose none of each other's updates")
    func twoProcesses() async throws {
        let folder = try SampleFolder()
        try await withPool(SQLiteConfiguration.with(busyTimeout: .seconds(600)), in: folder) { pool in
            try await pool.write { db in try db.executeScript("CREATE TABLE number (x); INSERT INTO number VALUES (0)")
            }
            let children = try (0..<2).map { _ in try startChild("increment", folder.file(), 300) }
            for _ in 0..<300 {
                try await pool.write { db in
                    let number = try db.queryFirst("SELECT x FROM number", as: Int.self) ?? 0
                    try db.execute("UPDATE number SET x = \(number + 1)")
                }
            }
            for child in children {
                async let output = child.output.text()
                let errors = await child.errors.text()
                #expect(await child.exitCode() == 0, "\(errors)")
                _ = await output
            }
            #expect(try await pool.query("SELECT x FROM number", as: Int.self) == [900])
        }
    }

    @Test("A file that another process has locked is a retryable error, and is usable after the lock is released")
    func lockedFile() async throws {
        let folder = try SampleFolder()
        try OutsideConnection(folder.file()).run("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
        let child = try startChild("lock", folder.file(), 0)
        let (locked, lock) = AsyncStream<Void>.makeStream()
        let output = Task {
            await child.output.text { _ in
                lock.yield()
                return true
            }
        }
        for await _ in locked { break }
        try await withPool(SQLiteConfiguration.with(busyTimeout: .milliseconds(20)), in: folder) { pool in
            for _ in 0..<2 {
                let reading = try await sqliteError { _ = try await pool.query("SELECT x FROM t", as: Int.self) }
                #expect(reading.code.primary == .busy && reading.isRetryable && reading.message.contains(folder.file()))
                let writing = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (1)") }
                #expect(writing.code.primary == .busy && writing.isRetryable)
            }
            child.send(SIGKILL)
            #expect(await child.exitCode() == 128 + SIGKILL)
            _ = await (output.value, child.errors.text())
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
        }
    }
}
