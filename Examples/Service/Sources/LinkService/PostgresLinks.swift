// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PostgresPooling
import ServiceLifecycle

/// Links in a PostgreSQL database.
struct PostgresLinks: LinkStore {
    private let pool: PostgresPool

    init(_ pool: PostgresPool) { self.pool = pool }

    func run() async { await pool.run() }

    var shutdownNotice: ShutdownNotice { pool.shutdownNotice }

    func prepare() async throws {
        try await pool.execute(
            """
            CREATE TABLE IF NOT EXISTS link (
                id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                code TEXT NOT NULL UNIQUE, url TEXT NOT NULL, hits BIGINT NOT NULL
            )
            """
        )
    }

    func resolve(_ code: String) async throws -> String? {
        try await pool.withTransaction { db in
            let url = try await db.queryFirst("SELECT url FROM link WHERE code = \(code)", as: String.self)
            guard let url else { return nil }
            try await db.execute("UPDATE link SET hits = hits + 1 WHERE code = \(code)")
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
        let snapshot = pool.snapshot
        let status = snapshot.status
        // The pool continues to connect by itself, because `minimumConnections` is not 0: it finds
        // an available server without a request. A pool that has no connection yet, and has not
        // failed, is healthy.
        let hasConnections = status.leased + status.idle > 0
        return Health(
            isHealthy: hasConnections || snapshot.lastConnectFailure == nil,
            connections: [
                "leased": status.leased, "idle": status.idle, "waiting": status.waiting, "maximum": status.maximum,
            ]
        )
    }
}
