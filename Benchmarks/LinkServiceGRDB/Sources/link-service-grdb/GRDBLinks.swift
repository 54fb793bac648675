// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import GRDB
import LinkService
import ServiceLifecycle

/// A store in a SQLite file by GRDB in its best form: its asynchronous API, cached statements,
/// columns by index, and the settings of the SQLite pool.
struct GRDBLinks: LinkStore {
    private let pool: DatabasePool

    /// Opens a store on a file, which is created if it does not exist.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - maximumReaders: The number of connections that read.
    init(path: String, maximumReaders: Int) throws {
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = maximumReaders
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase {
            try $0.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192")
        }
        pool = try DatabasePool(path: path, configuration: configuration)
    }

    func run() async throws {
        try? await gracefulShutdown()
        try pool.close()
    }

    func prepare() async throws {
        try await pool.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS link (
                        id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, url TEXT NOT NULL, hits INTEGER NOT NULL
                    ) STRICT
                    """
            )
        }
    }

    func resolve(_ code: String) async throws -> String? {
        try await pool.write { db in
            let select = try db.cachedStatement(sql: "SELECT url FROM link WHERE code = ?")
            guard let url = try String.fetchOne(select, arguments: [code]) else { return nil }
            let update = try db.cachedStatement(sql: "UPDATE link SET hits = hits + 1 WHERE code = ?")
            try update.execute(arguments: [code])
            return url
        }
    }

    func create(_ link: Link) async throws {
        try await pool.write { db in
            let insert = try db.cachedStatement(sql: "INSERT INTO link (code, url, hits) VALUES (?, ?, ?)")
            try insert.execute(arguments: [link.code, link.url, link.hits])
        }
    }

    func newest(_ count: Int) async throws -> [Link] {
        try await pool.read { db in
            let select = try db.cachedStatement(sql: "SELECT code, url, hits FROM link ORDER BY id DESC LIMIT ?")
            let rows = try Row.fetchCursor(select, arguments: [count])
            var links: [Link] = []
            links.reserveCapacity(count)
            while let row = try rows.next() { links.append(Link(code: row[0], url: row[1], hits: row[2])) }
            return links
        }
    }

    func health() async -> Health {
        let answer = try? await pool.read { db in try Int.fetchOne(db, sql: "SELECT 1") }
        return Health(isHealthy: answer == 1, connections: [:])
    }
}
