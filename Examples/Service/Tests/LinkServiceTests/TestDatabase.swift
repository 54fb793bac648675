// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresPooling
import SQLitePooling
import Testing

/// The databases that each test runs on.
enum TestDatabase: String, CaseIterable, CustomTestStringConvertible {
    case sqlite, postgres

    var testDescription: String { rawValue }

    /// Runs `body` with a new, empty database, which is removed afterwards.
    func withDatabase(_ body: (_ database: String) async throws -> Void) async throws {
        let name = "links_\(UUID().uuidString.filter(\.isHexDigit).lowercased())"
        switch self {
        case .sqlite:
            let folder = FileManager.default.temporaryDirectory.appending(path: name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            try await body(folder.appending(path: "links.sqlite").path())
        case .postgres:
            let server = try Self.server()
            let pool = try PostgresPool(server)
            try await pool.execute(PostgresQuery(unsafe: "CREATE DATABASE \(name)"))
            var components = try #require(URLComponents(string: server))
            components.path = "/\(name)"
            let result: Result<Void, any Error>
            do { result = .success(try await body(try #require(components.string))) } catch { result = .failure(error) }
            try await pool.execute(PostgresQuery(unsafe: "DROP DATABASE \(name) WITH (FORCE)"))
            await pool.close()
            try result.get()
        }
    }

    /// Runs `body` while another transaction prevents changes of links.
    func whileLocked(_ database: String, _ body: () async throws -> Void) async throws {
        switch self {
        case .sqlite:
            let pool = try SQLitePool(database)
            let (locked, lock) = AsyncStream.makeStream(of: Void.self)
            let release = DispatchSemaphore(value: 0)
            // On the connection's own thread, which can block.
            let holding = Task {
                try await pool.write { db in
                    _ = try db.execute("UPDATE link SET hits = hits")
                    lock.finish()
                    release.wait()
                }
            }
            for await _ in locked {}
            let result: Result<Void, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            release.signal()
            try await holding.value
            await pool.close()
            try result.get()
        case .postgres:
            let pool = try PostgresPool(database)
            try await pool.withTransaction { db in
                try await db.execute("LOCK TABLE link IN EXCLUSIVE MODE")
                try await body()
            }
            await pool.close()
        }
    }

    /// The URL of the server, from `DATABASE_URL`.
    static func server() throws -> String {
        try #require(
            ProcessInfo.processInfo.environment["DATABASE_URL"],
            "DATABASE_URL must be the URL of a PostgreSQL server; Scripts/test starts a server and sets it"
        )
    }
}

extension TestDatabase {
    /// Runs a statement.
    func execute(_ statement: String, in database: String) async throws {
        switch self {
        case .sqlite:
            let pool = try SQLitePool(database)
            try await pool.execute(SQLiteQuery(unsafe: statement))
            await pool.close()
        case .postgres:
            let pool = try PostgresPool(database)
            try await pool.execute(PostgresQuery(unsafe: statement))
            await pool.close()
        }
    }
}

extension TestDatabase {
    /// Runs `body` with a new role of a PostgreSQL database, whose rights `administrator` can
    /// change, and the URL with which the role connects.
    static func withRole(
        of database: String,
        _ body: (_ administrator: PostgresPool, _ role: String, _ database: String) async throws -> Void
    ) async throws {
        var components = try #require(URLComponents(string: database))
        let role = String(components.path.dropFirst())
        components.user = role
        components.password = "secret"
        let administrator = try PostgresPool(database)
        try await administrator.execute(PostgresQuery(unsafe: "CREATE ROLE \(role) LOGIN PASSWORD 'secret'"))
        try await administrator.execute(PostgresQuery(unsafe: "GRANT ALL ON SCHEMA public TO \(role)"))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(administrator, role, try #require(components.string)))
        } catch {
            result = .failure(error)
        }
        try await administrator.execute(PostgresQuery(unsafe: "DROP OWNED BY \(role)"))
        try await administrator.execute(PostgresQuery(unsafe: "DROP ROLE \(role)"))
        await administrator.close()
        try result.get()
    }
}
