// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling

/// A temporary folder for one test, which is removed with this value.
final class SampleFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "lockpool-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String) -> String {
        url.appending(path: name).path
    }

    func contents(_ name: String) throws -> Data {
        try Data(contentsOf: url.appending(path: name))
    }

    /// Writes `text` to a file that is not a database.
    func makeFile(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: url.appending(path: name))
        return path(name)
    }

    /// Makes a database of 100 items.
    func makeDatabase(_ name: String = "shop.db", journal: Journal = .writeAhead) async throws -> String {
        let pool = try SQLitePool(path(name))
        try await pool.write { db in
            try db.executeScript(
                """
                CREATE TABLE item (id INTEGER PRIMARY KEY, sold INTEGER NOT NULL DEFAULT 0);
                CREATE TABLE receipt (id INTEGER PRIMARY KEY);
                WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100)
                INSERT INTO item (id) SELECT n FROM number;
                """
            )
        }
        await pool.close()
        if journal == .rollback {
            // See SQLite's file format, section 1.3: the bytes at offsets 18 and 19 are 1 for a
            // rollback journal, 2 for a write-ahead log.
            var bytes = try contents(name)
            bytes[18] = journal.rawValue
            bytes[19] = journal.rawValue
            try bytes.write(to: url.appending(path: name))
        }
        return path(name)
    }

    enum Journal: UInt8, CaseIterable {
        case rollback = 1
        case writeAhead = 2
    }

    /// Returns the journal mode of a database.
    func journal(_ name: String) throws -> Journal? {
        Journal(rawValue: try contents(name)[18])
    }

    /// Returns the single number that `query` selects.
    func number(_ query: String, in path: String) async throws -> Int {
        var configuration = SQLiteConfiguration(path)
        configuration.mode = .readOnly
        let pool = try SQLitePool(configuration)
        let numbers = try await pool.read { db in try db.query(SQLiteQuery(unsafe: query), as: Int.self) }
        await pool.close()
        return numbers.first ?? -1
    }
}
