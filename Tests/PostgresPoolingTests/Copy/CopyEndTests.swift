// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Deadlines, cancellations and lost connections at each point of a `COPY`.
@Suite(.timeLimit(.minutes(10))) struct CopyEndTests {
    /// A point at which a `COPY` does not continue.
    enum Point: String, CaseIterable {
        /// Another transaction has locked the table.
        case beginning
        /// The server does not read.
        case sending
        /// The server reads as fast as the body writes.
        case endless
        /// The server does not answer the end of the data.
        case ending
        /// The server does not send.
        case receiving
        /// The server sends as fast as rows are read.
        case reading
    }

    enum Reason: CaseIterable { case deadline, cancellation }

    private static func run(_ point: Point, _ pool: PostgresPool, _ table: String, timeout: Duration?) async throws {
        switch point {
        case .beginning, .ending:
            try await pool.copy(to: "\(identifier: table)", timeout: timeout) { writer in try await writer.write(1) }
        case .sending, .endless:
            try await pool.copy(to: "\(identifier: table)", timeout: timeout) { writer in
                for id in 1... { try await writer.write(id) }
            }
        case .receiving:
            try await pool.withConnection(timeout: timeout) { db in
                for try await _ in db.copyBytes(
                    "COPY (SELECT 1 AS \(identifier: table) UNION ALL SELECT 2 FROM pg_sleep(600)) TO STDOUT"
                ) {}
            }
        case .reading:
            try await pool.withConnection(timeout: timeout) { db in
                let query: PostgresQuery = "SELECT generate_series(1, 1000000000000) AS \(identifier: table)"
                for try await _ in db.copy(from: query, as: Int.self) {}
            }
        }
    }

    private func trigger(_ point: Point, _ table: String) -> String {
        let sleep =
            "CREATE FUNCTION \(table)_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'; "
        return switch point {
        case .sending: sleep + "CREATE TRIGGER t BEFORE INSERT ON \(table) FOR EACH ROW EXECUTE FUNCTION \(table)_f()"
        case .ending: sleep + "CREATE TRIGGER t AFTER INSERT ON \(table) EXECUTE FUNCTION \(table)_f()"
        default: ""
        }
    }

    @Test(
        "A deadline or a cancellation ends a copy at any point, and its connection remains usable",
        arguments: Point.allCases,
        Reason.allCases
    )
    func ends(_ point: Point, _ reason: Reason) async throws {
        let server = try await TestServer.shared
        let table = "copy_end_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.psql("CREATE TABLE \(table) (id int); \(trigger(point, table))")
        try await server.withPool(.native, name: table, { $0.pool.maximumConnections = 1 }) { pool in
            let process = try await pool.process()
            try await withLock(on: point == .beginning ? table : nil, server) {
                let timeout: Duration? = reason == .deadline ? .milliseconds(300) : nil
                let task = Task { try await Self.run(point, pool, table, timeout: timeout) }
                if reason == .cancellation {
                    try await until {
                        try await server.psql(
                            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(table)' AND state = 'active' AND query LIKE 'COPY%'"
                        ) == "1"
                    }
                    task.cancel()
                }
                let error = await failure { try await task.value }
                switch reason {
                case .cancellation: #expect(error is CancellationError, "\(error as Any)")
                case .deadline: #expect((error as? PostgresError)?.code == .timedOut, "\(error as Any)")
                }
                if point == .sending || point == .endless, let error = error as? PostgresError {
                    #expect(error.outcome == .rolledBack)
                }
            }
            try await equal(pool.query("SELECT count(*) FROM \(identifier: table)", as: Int.self), [0])
            try await equal(pool.process(), process)
            try await equal(server.backendCount(applicationName: table), 1)
        }
        try await server.psql("DROP TABLE \(table)")
    }

    /// Locks a table while a body runs.
    private func withLock(on table: String?, _ server: TestServer, _ body: () async throws -> Void) async throws {
        guard let table else { return try await body() }
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { locking in
            try await locking.withTransaction { db in
                try await db.execute("LOCK TABLE \(identifier: table)")
                try await body()
            }
        }
    }

    @Test("A session that ends during a copy is reported with the server's reason, and the pool continues")
    func lost() async throws {
        let server = try await TestServer.shared
        let table = "copy_lost_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.psql("CREATE TABLE \(table) (id int)")
        try await server.withPool(.native, name: table, { $0.pool.maximumConnections = 1 }) { pool in
            let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(table)'"
            let error = await postgresFailure {
                try await pool.copy(to: "\(identifier: table)") { writer in
                    for id in 1... {
                        if id == 1_000 { try await server.psql(terminate) }
                        try await writer.write(id)
                    }
                }
            }
            #expect(error?.sqlState == .adminShutdown, "\(error as Any)")
            #expect(error?.code == .connectionLost && error?.outcome == .rolledBack)
            let reading = await postgresFailure {
                try await pool.withConnection { db in
                    var count = 0
                    for try await _ in db.copy(from: "SELECT generate_series(1, 100000000)", as: Int.self) {
                        count += 1
                        if count == 1 { try await server.psql(terminate) }
                    }
                }
            }
            #expect(reading?.connectionIsGone == true, "\(reading as Any)")
            try await equal(pool.query("SELECT count(*) FROM \(identifier: table)", as: Int.self), [0])
        }
        try await server.psql("DROP TABLE \(table)")
    }

    @Test("A shutdown of the pool ends a copy")
    func shutDown() async throws {
        let server = try await TestServer.shared
        let table = "copy_shut_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.psql("CREATE TABLE \(table) (id int)")
        try await server.withPool(.native, name: table) { pool in
            let started = Counted<Int>()
            let task = Task {
                try await pool.copy(to: "\(identifier: table)") { writer in
                    for id in 1... {
                        try await writer.write(id)
                        if id == 1 { started.add(1) }
                    }
                }
            }
            await until { !started.values.isEmpty }
            await pool.shutdown(drain: .zero)
            #expect(await postgresFailure { try await task.value }?.code == .connectionLost)
        }
        try await until { try await server.backendCount(applicationName: table) == 0 }
        try await equal(server.psql("SELECT count(*) FROM \(table); DROP TABLE \(table)"), "0")
    }

    @Test(
        "Copies work behind a pooler that assigns a session to each transaction or statement",
        arguments: [TestPgBouncer.Mode.transaction, .statement],
        TestPgBouncer.Version.allCases
    )
    func pooler(_ mode: TestPgBouncer.Mode, _ version: TestPgBouncer.Version) async throws {
        let server = try await TestServer.shared
        let table = "copy_bouncer_\(UUID().uuidString.prefix(8).lowercased())"
        try await server.psql("CREATE TABLE \(table) (id int, name text)")
        try await server.withPgBouncer(mode, version, settings: ["default_pool_size": "2"]) { bouncer in
            try await bouncer.withPool({ $0.pooler = .transaction }) { pool in
                for round in 1...3 {
                    try await equal(
                        pool.copy(to: "\(identifier: table)") { writer in
                            for id in 1...10_000 { try await writer.write(id, "n\(id)") }
                        },
                        10_000
                    )
                    let error = await postgresFailure {
                        try await pool.copy("COPY \(identifier: table) FROM STDIN") { writer in
                            for _ in 1...100_000 { try await writer.write("bad\n".utf8) }
                        }
                    }
                    #expect(error?.sqlState == "22P02", "\(error as Any)")
                    let count = try await pool.withConnection { db in
                        var count = 0
                        for try await _ in db.copy(from: "TABLE \(identifier: table)", as: (Int, String).self) {
                            count += 1
                        }
                        return count
                    }
                    #expect(count == round * 10_000)
                }
            }
        }
        try await server.psql("DROP TABLE \(table)")
    }

    #if os(Linux)
        @Test("Copies leave no thread, descriptor or session")
        func leaks() async {
            await #expect(processExitsWith: .success) {
                try await withServer { server in
                    try await server.withPool(.native, name: "leaks", { $0.pool.maximumConnections = 1 }) { pool in
                        try await pool.execute("CREATE TABLE t (id int)")
                        func round() async throws {
                            try await pool.copy(to: "t") { writer in for id in 1...20_000 { try await writer.write(id) }
                            }
                            _ = await failure {
                                try await pool.copy("COPY t FROM STDIN") { writer in
                                    for _ in 1...50_000 { try await writer.write("bad\n".utf8) }
                                }
                            }
                            try await pool.withConnection { db in
                                for try await _ in db.copy(from: "TABLE t", as: Int.self) { break }
                                _ = await failure {
                                    for try await _ in db.copyBytes(
                                        "COPY (SELECT pg_sleep(9)) TO STDOUT",
                                        timeout: .milliseconds(1)
                                    ) {}
                                }
                            }
                        }
                        func descriptors() throws -> Int {
                            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
                        }
                        try await round()
                        let before = try (descriptors(), threadNames().filter { $0.hasPrefix("postgres") }.count)
                        for _ in 0..<10 { try await round() }
                        _ = try await pool.query("SELECT 1")
                        try await until {
                            try descriptors() <= before.0
                                && threadNames().filter { $0.hasPrefix("postgres") }.count <= before.1
                        }
                        let count = try await server.backendCount(applicationName: "leaks")
                        precondition(count == 1)
                    }
                }
            }
        }
    #endif
}
