// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization

@testable import PostgresPooling

/// Provides a pool whose single statements share connections, in a schema of its own.
func withSharedPool(
    _ poller: PollerKind = .native,
    connections: Int,
    _ configure: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Void
) async throws {
    let server = try await TestServer.shared
    let schema = "shared_\(UUID().uuidString.prefix(8).lowercased())"
    try await server.psql("CREATE SCHEMA \(schema)")
    try await server.withPool(
        poller,
        {
            $0.multiplexing = .singleStatements(connections: connections)
            $0.parameters["options"] = "-csearch_path=\(schema)"
            configure(&$0)
        },
        body
    )
    try await server.psql("SET client_min_messages = warning; DROP SCHEMA \(schema) CASCADE")
}

extension PostgresPool.MultiplexingFigures {
    /// The number of calls that have no result yet.
    var total: Int { waiting + inFlight }
}

extension PostgresPool {
    /// Makes shared connections take statements behind one that runs for any time.
    func keepLanes() {
        multiplexer?.longestStatement.store(.max, ordering: .relaxed)
        multiplexer?.longestLease.store(.max, ordering: .relaxed)
    }

    /// Makes a table `shared` with the row 0.
    func makeSharedTable() async throws {
        try await executeScript("CREATE TABLE shared (id int PRIMARY KEY, value int); INSERT INTO shared VALUES (0, 0)")
    }

    /// Locks the row 0 of the table, in a transaction of its own.
    ///
    /// - Parameter body: Receives a closure that unlocks the row. It is unlocked afterwards in any
    ///   case.
    func withRowLock(_ body: (@Sendable () async throws -> Void) async throws -> Void) async throws {
        let (isLocked, hasEnded, mayEnd) = (Counted<Void>(), Counted<Void>(), Counted<Void>())
        let holder = Task {
            defer { hasEnded.add(()) }
            try await withTransaction { db in
                try await db.execute("SELECT 1 FROM shared WHERE id = 0 FOR UPDATE")
                isLocked.add(())
                await until { !mayEnd.values.isEmpty }
            }
        }
        await until { !isLocked.values.isEmpty || !hasEnded.values.isEmpty }
        if isLocked.values.isEmpty { try await holder.value }
        do {
            try await body {
                mayEnd.add(())
                try await holder.value
            }
        } catch {
            mayEnd.add(())
            try? await holder.value
            throw error
        }
        mayEnd.add(())
        try await holder.value
    }
}
