// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import SQLitePooling

/// The database that a run uses without `--sqlite`: a table of users, in a folder of its own.
public enum SampleDatabase {
    /// The number of users, whose identifiers count from 1.
    public static let userCount = 100_000
    /// A statement for the sample.
    public static let defaultSQL = "SELECT name, email FROM user WHERE id = :random(1,\(userCount))"

    /// Makes the database in a new temporary folder, which is not removed.
    ///
    /// - Throws: CommandFailure if the database cannot be written.
    public static func make() async throws(CommandFailure) -> DatabaseFile {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            let path = folder.appending(path: "sample.sqlite").path
            try await fill(path)
            return try DatabaseFile(path: path, forWriting: true)
        } catch {
            try? FileManager.default.removeItem(at: folder)
            throw .runtime("cannot make the sample database in \(folder.path): \(error)")
        }
    }

    /// Removes the database that ``make()`` made.
    public static func remove(_ file: DatabaseFile) {
        try? FileManager.default.removeItem(at: URL(filePath: file.path).deletingLastPathComponent())
    }

    private static func fill(_ path: String) async throws {
        let pool = try SQLitePool(path)
        do {
            try await pool.write { db in
                try db.executeScript(SQLiteQuery(unsafe: script))
            }
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    private static let script = """
        CREATE TABLE user (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            email TEXT NOT NULL,
            visits INTEGER NOT NULL DEFAULT 0
        );
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < \(userCount))
        INSERT INTO user (id, name, email) SELECT n, 'User ' || n, 'user' || n || '@example.com' FROM number;
        """
}
