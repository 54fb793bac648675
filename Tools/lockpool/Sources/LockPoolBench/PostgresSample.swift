// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import PostgresPooling

/// The table that a run on a server uses without a statement: users, in a schema of their own.
public struct PostgresSample: Sendable {
    /// The name of the schema, which is unique.
    public let schema: String

    /// Creates a random name.
    public init() {
        let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
        schema = "lockpool_sample_\(suffix)"
    }

    /// A statement for the sample.
    public var sql: String {
        "SELECT name, email FROM \(schema).users WHERE id = :random(1,\(SampleDatabase.userCount))"
    }

    /// Makes the schema and the table in one transaction.
    ///
    /// - Throws: CommandFailure if the user does not have the privilege.
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
            otherwise: "cannot make a sample table in \(server.database); with --sql none is needed"
        )
    }

    /// Removes the schema that ``make(on:)`` made.
    ///
    /// - Throws: CommandFailure, with the name of the schema, if it could not be removed.
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
