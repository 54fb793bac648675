// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import PostgresPooling

/// The table that a run on a server uses if it is given no statement: users in a schema of its own.
public struct PostgresSample: Sendable {
    /// The name of the schema, which nobody else has.
    public let schema: String

    /// Thinks of a name.
    public init() {
        let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
        schema = "lockpool_sample_\(suffix)"
    }

    /// A statement that fits the sample.
    public var sql: String {
        "SELECT name, email FROM \(schema).users WHERE id = :random(1,\(SampleDatabase.userCount))"
    }

    /// Makes the schema and the table, or neither.
    ///
    /// - Throws: CommandFailure if the user may not do so.
    public func make(on server: PostgresServer) async throws(CommandFailure) {
        try await run(
            """
            CREATE SCHEMA \(schema);
            CREATE UNLOGGED TABLE \(schema).users (
                id bigint PRIMARY KEY,
                name text NOT NULL,
                email text NOT NULL
            );
            INSERT INTO \(schema).users
                SELECT n, 'User ' || n, 'user' || n || '@example.com' FROM generate_series(1, \(SampleDatabase.userCount)) n;
            ANALYZE \(schema).users;
            """,
            on: server,
            otherwise: "cannot make a sample table in \(server.database), where --sql would need none"
        )
    }

    /// Removes what ``make(on:)`` made.
    ///
    /// - Throws: CommandFailure, with the name of the schema, if it is still there.
    public func remove(from server: PostgresServer) async throws(CommandFailure) {
        try await run(
            "DROP SCHEMA \(schema) CASCADE",
            on: server,
            otherwise: "could not drop the schema \(schema) of the sample"
        )
    }

    private func run(
        _ script: String,
        on server: PostgresServer,
        otherwise complaint: String
    ) async throws(CommandFailure) {
        do {
            try await server.withConnection { db in
                try await db.executeScript(PostgresQuery(unsafe: script))
            }
        } catch {
            throw .runtime("\(complaint): \((error as? PostgresError)?.message ?? "\(error)")")
        }
    }
}
