// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import SQLitePooling
import ServiceLifecycle

/// Links in a SQLite file.
struct SQLiteLinks: LinkStore {
    private let pool: SQLitePool

    init(_ pool: SQLitePool) { self.pool = pool }

    func run() async { await pool.run() }

    var shutdownNotice: ShutdownNotice { pool.shutdownNotice }

    func prepare() async throws {
        try await pool.execute(
            """
            CREATE TABLE IF NOT EXISTS link (
                id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, url TEXT NOT NULL, hits INTEGER NOT NULL
            ) STRICT
            """
        )
    }

    func resolve(_ code: String) async throws -> String? {
        try await pool.write { db in
            guard let url = try db.queryFirst("SELECT url FROM link WHERE code = \(code)", as: String.self) else {
                return nil
            }
            _ = try db.execute("UPDATE link SET hits = hits + 1 WHERE code = \(code)")
            return url
        }
    }

    func create(_ link: Link) async throws {
        try await pool.execute("INSERT INTO link (code, url, hits) VALUES (\(link.code), \(link.url), \(link.hits))")
    }

    func newest(_ count: Int) async throws -> [Link] {
        let rows = try await pool.query(
            "SELECT code, url, hits FROM link ORDER BY id DESC LIMIT \(count)",
            as: (String, String, Int).self
        )
        return rows.map { Link(code: $0, url: $1, hits: $2) }
    }

    func health() async -> Health {
        // The timeout includes the wait for a reader: a service whose readers are all busy for a
        // second should receive no more requests.
        let answer = try? await pool.read(timeout: .seconds(1)) { db in try db.queryFirst("SELECT 1", as: Int.self) }
        let statistics = pool.statistics
        return Health(
            isHealthy: answer == 1,
            connections: ["readers": statistics.readers.open, "writer": statistics.writer.open]
        )
    }
}
