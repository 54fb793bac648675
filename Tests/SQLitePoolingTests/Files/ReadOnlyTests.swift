// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct ReadOnlyTests {
    private static let readOnly = SQLiteConfiguration.with(mode: .readOnly)

    /// Creates a database with one row, in either journal mode, and closes it.
    private func sample(isLogged: Bool) async throws -> SampleFolder {
        let folder = try SampleFolder()
        if isLogged {
            try await withPool(in: folder) { pool in
                try await pool.write { db in try db.executeScript("CREATE TABLE t (x); INSERT INTO t VALUES (1)") }
            }
        } else {
            try OutsideConnection(folder.file()).run("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        }
        return folder
    }

    @Test("A read-only pool does not change a byte of the database", arguments: [true, false])
    func unchanged(isLogged: Bool) async throws {
        let folder = try await sample(isLogged: isLogged)
        let before = try folder.bytes()
        try await withPool(Self.readOnly, in: folder) { pool in
            try await withThrowingTaskGroup { group in
                for _ in 0..<16 {
                    group.addTask { _ = try await pool.read { db in try db.query("SELECT x FROM t", as: Int.self) } }
                }
                try await group.waitForAll()
            }
            let error = try await sqliteError {
                try await pool.read { db in _ = try db.execute("INSERT INTO t VALUES (2)") }
            }
            #expect(error.code == .readOnly)
        }
        #expect(try folder.bytes() == before)
        if !isLogged { #expect(try folder.names == ["test.sqlite"]) }
    }

    @Test("A write fails before its body runs")
    func refusedWrites() async throws {
        let folder = try SampleFolder()
        try await withPool(Self.readOnly, in: folder) { pool in
            for write in [
                { _ = try await pool.write { _ in _ = Issue.record("the body ran") } },
                { _ = try await pool.writeWithoutTransaction { _ in _ = Issue.record("the body ran") } },
                { _ = try await pool.execute("CREATE TABLE t (x)") },
            ] as [() async throws -> Void] {
                let error = try await sqliteError { try await write() }
                #expect(error.code == .readOnly && error.message.contains(folder.file()))
            }
            #expect(pool.statistics.connectionsCreated == 0)
        }
        #expect(try folder.names == [])
    }

    @Test("A read-only database must exist")
    func missing() async throws {
        let folder = try SampleFolder()
        try await withPool(Self.readOnly, in: folder) { pool in
            let error = try await sqliteError { _ = try await pool.query("SELECT 1", as: Int.self) }
            #expect(error.code == .cannotOpen)
        }
        #expect(try folder.names == [])
    }

    @Test("The next read sees the commits of another process, in either journal mode", arguments: [true, false])
    func othersWrites(isLogged: Bool) async throws {
        let folder = try await sample(isLogged: isLogged)
        try await withPool(Self.readOnly, in: folder) { pool in
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [1])
            try OutsideConnection(folder.file()).run("INSERT INTO t VALUES (2)")
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [2])
        }
    }

    @Test("A user without write permission for the file and its folder can read it, in either journal mode")
    func noRights() async {
        await #expect(processExitsWith: .success) {
            dropPrivileges()
            for isLogged in [true, false] {
                let folder = try await ReadOnlyTests().sample(isLogged: isLogged)
                let before = try folder.bytes()
                try folder.setWritable(false)
                try await withPool(ReadOnlyTests.readOnly, in: folder) { pool in
                    for _ in 0..<3 {
                        let numbers = try await pool.read { db in try db.query("SELECT x FROM t", as: Int.self) }
                        #expect(numbers == [1])
                    }
                    #expect(pool.statistics.readers.createdAndClosed == [1, 0])
                }
                #expect(try folder.bytes() == before)
                #expect(try folder.names == ["test.sqlite"])
                try folder.setWritable(true)
            }
        }
    }

    @Test(
        "A read fails if the file changes although no lock protects it, and the next read sees the new contents"
    )
    func changedFile() async {
        await #expect(processExitsWith: .success) {
            dropPrivileges()
            let folder = try await ReadOnlyTests().sample(isLogged: true)
            try folder.setWritable(false)
            try await withPool(SQLiteConfiguration.with(mode: .readOnly, maximumReaders: 1), in: folder) { pool in
                #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1])
                try folder.setWritable(true)
                try OutsideConnection(folder.file()).run("INSERT INTO t VALUES (2)")
                try folder.setWritable(false)
                let error = try await sqliteError { _ = try await pool.query("SELECT x FROM t", as: Int.self) }
                #expect(error.code == .fileChanged && error.isRetryable)
                #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 2])
                #expect(pool.statistics.readers.created == 2)
            }
            try folder.setWritable(true)
        }
    }
}
