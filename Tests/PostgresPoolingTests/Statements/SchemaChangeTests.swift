// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// The statements that connections have cached while the schema changes, and the effects of failed
/// ones.
@Suite(.timeLimit(.minutes(10))) struct SchemaChangeTests {
    @Test(
        "A procedure that has committed is not called again after an error that resembles a stale statement's",
        arguments: ["26000", "0A000", "42804", "42883", "22P02"]
    )
    func procedure(_ state: String) async throws {
        let server = try await TestServer.shared
        let name = "call_\(state)".lowercased()
        try await server.psql("CREATE TABLE \(name)_log (n int)")
        try await server.psql(
            """
            CREATE PROCEDURE \(name)(fails text) LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO \(name)_log VALUES (1);
                COMMIT;
                IF fails = 'yes' THEN RAISE EXCEPTION USING ERRCODE = '\(state)'; END IF;
            END $$
            """
        )
        try await server.withPool { pool in
            // Often enough to be prepared.
            func call(_ fails: String?) async throws { try await pool.execute("CALL \(identifier: name)(\(fails))") }
            for _ in 0..<3 { try await call("no") }
            let error = await postgresFailure { try await call("yes") }
            #expect(error?.sqlState?.description == state)
            try await equal(server.psql("SELECT count(*) FROM \(name)_log"), "4")
            // The statement works as before.
            try await call("no")
            try await equal(server.psql("SELECT count(*) FROM \(name)_log"), "5")
        }
    }

    @Test("A prepared statement with a constant whose type was replaced is prepared again", arguments: [0, 1])
    func replacedType(sharedConnections: Int) async throws {
        let server = try await TestServer.shared
        let name = "replaced_\(sharedConnections)"
        let replace = "DROP TYPE IF EXISTS \(name); CREATE TYPE \(name) AS ENUM ('small', 'large')"
        try await server.psql("SET client_min_messages = warning; \(replace)")
        try await server.withPool(
            .native,
            {
                $0.pool.maximumConnections = 1
                if sharedConnections > 0 { $0.multiplexing = .singleStatements(connections: sharedConnections) }
            }
        ) { pool in
            let asText: PostgresQuery = "SELECT 'large'::\(identifier: name)::text || 'r'"
            let asItself: PostgresQuery = "SELECT 'large'::\(identifier: name)"
            for _ in 0..<3 {
                for _ in 0..<3 {
                    try await equal(pool.query(asText, as: String.self), ["larger"])
                    try await equal(pool.query(asItself, as: String.self), ["large"])
                }
                try await equal(pool.withPipeline { $0.query(asItself, as: String.self) }.get(), ["large"])
                try await server.psql(replace)
            }
            // Within a transaction the failure is final. It is prepared again afterwards.
            let error = await postgresFailure { try await pool.withTransaction { try await $0.query(asItself) } }
            #expect(error?.sqlState == "XX000" && error?.outcome == .rolledBack)
            try await pool.withTransaction { try await equal($0.query(asItself, as: String.self), ["large"]) }
        }
    }

    @Test("An instant is rejected again on each connection once its column has become one without a time zone")
    func timeZones() async throws {
        let server = try await TestServer.shared
        try await server.psql("CREATE TABLE altered_zones (at timestamptz)")
        let date = Date(timeIntervalSince1970: 1_000_000)
        try await server.withPool { pool in
            try await pool.withConnection { first in
                try await pool.withConnection { second in
                    for _ in 0..<3 {
                        try await first.execute("INSERT INTO altered_zones VALUES (\(date))")
                        try await second.execute("INSERT INTO altered_zones VALUES (\(date))")
                    }
                    try await first.execute("ALTER TABLE altered_zones ALTER COLUMN at TYPE timestamp")
                    for _ in 0..<3 {
                        let ofFirst = await postgresFailure {
                            try await first.execute("INSERT INTO altered_zones VALUES (\(date))")
                        }
                        #expect(ofFirst?.code == .encoding)
                        let ofSecond = await postgresFailure {
                            try await second.execute("INSERT INTO altered_zones VALUES (\(date))")
                        }
                        #expect(ofSecond?.code == .encoding)
                    }
                    try await first.execute("ALTER TABLE altered_zones ALTER COLUMN at TYPE timestamptz")
                    try await second.execute("INSERT INTO altered_zones VALUES (\(date))")
                    try await equal(first.query("SELECT count(*) FROM altered_zones", as: Int.self), [7])
                }
            }
        }
    }

    @Test("A cancelled task that reads available rows reads no further ones")
    func cancelledStream() async throws {
        let server = try await TestServer.shared
        let count = 20_000
        try await server.withPool { pool in
            let task = Task {
                try await pool.withConnection { db in
                    var rows = 0
                    do {
                        for try await _ in db.stream("SELECT repeat('x', 1000) FROM generate_series(1, \(count))") {
                            rows += 1
                            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                            // The server is ahead of a slow reader.
                            for _ in 0..<10 { await Task.yield() }
                        }
                        Issue.record("the stream ended after \(rows) rows")
                    } catch is CancellationError {}
                    return rows
                }
            }
            try await #expect(task.value < count / 10)
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }
}
