// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

extension CompileFailureTests {
    /// Programs that pass a leased connection to another task, without an annotation of the
    /// parameter. Swift 6.3 crashes on such programs if the connection is a value in registers.
    static let tasks: [Mistake] =
        [
            ("to a task", "_ = Task { try await db.execute(\"DELETE FROM t\") }", "db.execute(\"DELETE FROM t\")"),
            ("to an async let", "async let n = db.execute(\"DELETE FROM t\"); _ = try await n", "db.serverVersion"),
            (
                "to a child task",
                """
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await db.execute("DELETE FROM t") }
                    try await group.waitForAll()
                }
                """, "db.isInTransaction"
            ),
            ("to an escaping closure", "later { _ = db.isInTransaction }", "db.isInTransaction"),
        ].flatMap { name, mistake, right in
            ["withConnection", "withTransaction"].map { method in
                Mistake(
                    testDescription: "\(method) does not let its connection go \(name)",
                    imports: "PostgresPooling",
                    program: """
                        func later(_ f: @escaping () -> Void) {}
                        func f(_ pool: PostgresPool) async throws {
                            try await pool.\(method) { db in
                                «mistake»\(mistake)«»
                                «right»_ = try await \(right)«»
                            }
                        }
                        """,
                    message: "'db' is borrowed and cannot be consumed"
                )
            }
        } + [
            Mistake(
                testDescription: "A SQLite connection does not go to a task",
                imports: "SQLitePooling",
                program: """
                    func f(_ pool: SQLitePool) async throws {
                        try await pool.write { db in
                            «mistake»_ = Task { try db.execute("DELETE FROM t") }«»
                            «right»_ = try db.execute("DELETE FROM t")«»
                        }
                    }
                    """,
                message: "'db' is borrowed and cannot be consumed"
            ),
            Mistake(
                testDescription: "A connection of a factory's own type that is kept in memory does not go to a task",
                imports: "ConnectionPooling",
                program: """
                    import Synchronization
                    struct Connection: ~Copyable, Sendable { let number = 1; private let inMemory = Atomic(false) }
                    struct Factory: ConnectionFactory {
                        func connect() async throws -> Connection { Connection() }
                        func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
                        func close(_ connection: consuming Connection) async {}
                    }
                    func f(_ pool: ConnectionPool<Factory>) async throws {
                        try await pool.withConnection { connection in
                            «mistake»_ = Task { connection.number }«»
                            «right»_ = connection.number«»
                            await Task.yield()
                        }
                    }
                    """,
                message: "'connection' is borrowed and cannot be consumed"
            ),
            Mistake(
                testDescription: "A connection of any type does not go to a task where the parameter is annotated",
                imports: "ConnectionPooling",
                program: factory + """
                    func f(_ pool: ConnectionPool<Factory>) async throws {
                        try await pool.withConnection { (connection: borrowing _) in
                            «mistake»_ = Task { connection.number }«»
                            «right»_ = connection.number«»
                            await Task.yield()
                        }
                    }
                    """,
                message: "cannot be captured by an escaping closure"
            ),
            Mistake(
                testDescription: "A lease of a PostgreSQL connection is not used by two tasks",
                imports: "PostgresPooling",
                program: """
                    func f(_ pool: PostgresPool) async throws {
                        let lease = try await pool.getOrCreate()
                        let task = Task { try await lease.connection.execute("DELETE FROM t") }
                        «mistake»try await lease.connection.execute("DELETE FROM t")«»
                        _ = try await task.value
                    }
                    """,
                message: "risks causing data races"
            ),
        ]

    @Test("A connection that moves to another task does not compile, and its correction does", arguments: tasks)
    func task(_ mistake: Mistake) async throws { try await check(mistake) }
}
