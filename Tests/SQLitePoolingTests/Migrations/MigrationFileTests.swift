// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PoolMigrations
import SQLitePooling
import Testing

/// Migrations that are read from a folder.
@Suite(.timeLimit(.minutes(10))) struct MigrationFileTests {
    private func folder(_ files: [String: String]) throws -> SampleFolder {
        let folder = try SampleFolder()
        for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: folder.file(name))) }
        return folder
    }

    private func code(_ files: [String: String]) throws -> MigrationError.Code {
        let folder = try folder(files)
        let error = try #require(throws: MigrationError.self) {
            var migrations = SQLiteMigrations()
            try migrations.add(contentsOf: folder.path)
        }
        return error.code
    }

    @Test("Files are applied in the order of their numbers, whatever their length")
    func order() async throws {
        let files = try folder([
            "10_c.sql": "INSERT INTO a VALUES (3)", "9_b.sql": "INSERT INTO a VALUES (2)",
            "001_a.up.sql": "\u{feff}CREATE TABLE a (x);\r\nINSERT INTO a VALUES (1);\r\n",
            "001_a.down.sql": "DROP TABLE a",
            "99999999999999999999999_d.sql": "-- no-transaction\nVACUUM", "README.md": "Not a migration.",
        ])
        var migrations = SQLiteMigrations()
        try migrations.add(contentsOf: files.path)
        #expect(migrations.names == ["001_a", "9_b", "10_c", "99999999999999999999999_d"])
        try await withPool { pool in
            try await migrations.apply(to: pool)
            try await #expect(pool.query("SELECT x FROM a", as: Int.self) == [1, 2, 3])
            try await #expect(migrations.apply(to: pool).isEmpty)
        }
    }

    @Test("Names without a number, equal numbers and unreadable files are errors")
    func badFiles() throws {
        try #expect(code(["create.sql": ""]) == .invalidFile)
        try #expect(code(["001-create.sql": ""]) == .invalidFile)
        try #expect(code(["V1__create.sql": ""]) == .invalidFile)
        try #expect(code(["01_a.sql": "", "1_b.sql": ""]) == .duplicateName)
        let latin1 = try folder([:])
        try Data([0xe4]).write(to: URL(filePath: latin1.file("1_a.sql")))
        try FileManager.default.createDirectory(atPath: latin1.file("2_b.sql"), withIntermediateDirectories: false)
        for path in [latin1.path, latin1.file("missing")] {
            let error = try #require(throws: MigrationError.self) {
                var migrations = SQLiteMigrations()
                try migrations.add(contentsOf: path)
            }
            #expect(error.code == .invalidFile)
        }
    }
}
