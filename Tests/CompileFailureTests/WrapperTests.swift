// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

/// Functions that wrap the methods that lend connections. They must compile.
@Suite(.timeLimit(.minutes(10))) struct WrapperTests {
    struct Wrapper: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let imports: String
        let program: String
    }

    static let wrappers: [Wrapper] = [
        Wrapper(
            testDescription: "Functions in the place of a body, and bodies that are passed on, of any pool",
            imports: "ConnectionPooling",
            program: CompileFailureTests.factory + """
                final class Report { var lines = 0 }
                func number(_ connection: borrowing Connection) -> Int { connection.number }
                func ask(_ connection: borrowing Connection) async throws -> Int { connection.number }
                func f(_ pool: ConnectionPool<Factory>) async throws -> Int {
                    try await pool.withConnection(number) + pool.withConnection(ask)
                }
                extension ConnectionPool {
                    func logged<Value: Sendable>(
                        _ body: (borrowing Factory.Connection) async throws -> Value
                    ) async throws -> Value {
                        print("begin")
                        return try await withConnection(body)
                    }
                    func inClosure<Value: Sendable>(
                        _ body: (borrowing Factory.Connection) async throws -> Value
                    ) async throws -> Value {
                        try await withConnection { connection in
                            print("begin")
                            return try await body(connection)
                        }
                    }
                    func quick<Value: Sendable>(
                        _ body: (borrowing Factory.Connection) throws -> Value
                    ) async throws -> Value { try await withConnection(body) }
                    func sent<Value>(
                        _ body: (borrowing Factory.Connection) async throws -> sending Value
                    ) async throws -> sending Value { try await withConnection(body) }
                }
                func keep(_ report: sending Report) {}
                func g(_ pool: ConnectionPool<Factory>) async throws {
                    let report = try await pool.withConnection { _ in Report() }
                    keep(report)
                    keep(try await pool.sent { _ in Report() })
                }
                """
        ),
        Wrapper(
            testDescription: "Functions in the place of a body, and bodies that are passed on, of PostgreSQL",
            imports: "PostgresPooling",
            program: """
                final class Report { var lines = 0 }
                func version(_ db: borrowing PostgresConnection) -> Int { db.serverVersion }
                func delete(_ db: borrowing PostgresConnection) async throws { try await db.execute("DELETE FROM t") }
                func f(_ pool: PostgresPool) async throws {
                    try await pool.withConnection(version)
                    try await pool.withConnection(delete)
                    try await pool.withTransaction(delete)
                }
                extension PostgresPool {
                    func logged<Value: Sendable>(
                        _ body: (borrowing PostgresConnection) async throws -> Value
                    ) async throws -> Value { try await withConnection(body) }
                    func asTenant<Value: Sendable>(
                        _ tenant: String,
                        _ body: (borrowing PostgresConnection) async throws -> Value
                    ) async throws -> Value {
                        try await withTransaction(readOnly: true) { db in
                            _ = try await db.query("SELECT set_config('app.tenant', \\(tenant), true)")
                            return try await body(db)
                        }
                    }
                    func serialized<Value: Sendable>(
                        _ body: (borrowing PostgresConnection) async throws -> Value
                    ) async throws -> Value { try await withTransaction(isolation: .serializable, body) }
                    func sent<Value>(
                        _ body: (borrowing PostgresConnection) async throws -> sending Value
                    ) async throws -> sending Value { try await withTransaction(body) }
                }
                func keep(_ report: sending Report) {}
                func g(_ pool: PostgresPool) async throws { keep(try await pool.sent { _ in Report() }) }
                """
        ),
        Wrapper(
            testDescription:
                "Functions and bodies of others that a closure calls, and bodies with a sending result, of SQLite",
            imports: "SQLitePooling",
            program: """
                final class Report { var lines = 0 }
                func count(_ db: borrowing SQLiteConnection) throws -> Int? { try db.queryFirst("SELECT 1", as: Int.self) }
                func f(_ pool: SQLitePool) async throws {
                    _ = try await pool.read { db in try count(db) }
                    _ = try await pool.write { db in try count(db) }
                    _ = try await pool.writeWithoutTransaction { db in try count(db) }
                }
                extension SQLitePool {
                    func logged<Value: Sendable>(
                        _ body: sending @escaping (borrowing SQLiteConnection) throws -> Value
                    ) async throws -> Value { try await read { db in try body(db) } }
                    func audited<Value: Sendable>(
                        _ body: sending @escaping (borrowing SQLiteConnection) throws -> Value
                    ) async throws -> Value {
                        try await write { db in
                            try db.execute("INSERT INTO audit DEFAULT VALUES")
                            return try body(db)
                        }
                    }
                    func shared<Value: Sendable>(
                        _ body: @escaping @Sendable (borrowing SQLiteConnection) throws -> Value
                    ) async throws -> Value { try await writeWithoutTransaction { db in try body(db) } }
                    func sent<Value>(
                        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
                    ) async throws -> sending Value { try await write(body) }
                }
                func keep(_ report: sending Report) {}
                func g(_ pool: SQLitePool) async throws { keep(try await pool.sent { _ in Report() }) }
                """
        ),
    ]

    @Test("A wrapper compiles", arguments: wrappers, [true, false])
    func wrapper(_ wrapper: Wrapper, inheritsIsolation: Bool) async throws {
        let result = try await Compiler.typecheck(
            wrapper.program,
            imports: wrapper.imports,
            inheritsIsolation: inheritsIsolation
        )
        #expect(result.succeeded, "\(result.output)")
    }
}
