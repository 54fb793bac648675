// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PostgresPooling
import TestSupport
import Testing

/// PgBouncer's console, the database `pgbouncer`, which has only the simple protocol.
@Suite(.timeLimit(.minutes(10))) struct PgBouncerConsoleTests {
    @Test(
        "A pool shows and controls a PgBouncer, on one connection",
        arguments: TestPgBouncer.Version.allCases,
        [PostgresConfiguration.Pooler.transaction, .detect]
    )
    func console(_ version: TestPgBouncer.Version, _ pooler: PostgresConfiguration.Pooler) async throws {
        try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
            try await bouncer.withPool { pool in
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
                try await bouncer.withPool({
                    $0.parameters["dbname"] = "pgbouncer"
                    $0.pooler = pooler
                    $0.pool.maximumConnections = 1
                    // Each checkout tests the connection.
                    $0.pool.validateAfterIdle = .zero
                }) { console in
                    for _ in 0..<3 {
                        let pools = try await console.queryScript("SHOW POOLS")[0]
                        #expect(pools.columnNames.contains("cl_active"))
                        let names = try pools.map { try $0.decode(String.self, named: "database") }
                        #expect(names.contains("lockpool") && names.contains("pgbouncer"))
                    }
                    let text = try await console.queryScript("SHOW VERSION")[0].decode(as: String.self)
                    #expect(text[0].hasPrefix("PgBouncer 1."))
                    try await equal(console.queryScript("RELOAD").map(\.command.tag), ["RELOAD"])
                    let error = await postgresFailure { try await console.queryScript("SHOW NOTHING") }
                    #expect(error?.code == .server && error?.message.contains("SHOW HELP") == true)
                    // With the other setting the pool tries to reset the session after RELOAD.
                    if pooler == .transaction { #expect(console.snapshot.counters.created == 1) }
                    try await console.executeScript("PAUSE lockpool")
                    let isPaused = try await console.queryScript("SHOW DATABASES")[0].contains { row in
                        try row.decode(String.self, named: "name") == "lockpool"
                            && row.decode(String.self, named: "paused") == "1"
                    }
                    #expect(isPaused)
                    try await console.executeScript("RESUME lockpool")
                }
                try await equal(pool.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("A statement with parameters or a transaction is an error of the console", arguments: [0, 1, 2])
    func refused(_ kind: Int) async throws {
        try await TestServer.shared.withPgBouncer(.transaction) { bouncer in
            try await bouncer.withPool({
                $0.parameters["dbname"] = "pgbouncer"
                $0.pooler = .transaction
            }) { console in
                let error = await postgresFailure {
                    switch kind {
                    case 0: _ = try await console.query("SHOW POOLS")
                    case 1: try await console.withTransaction { _ in }
                    default: try await console.withPipeline { $0.execute("SHOW POOLS") }
                    }
                }
                #expect(error?.message.contains(kind == 1 ? "BEGIN" : "extended query protocol") == true)
                // The console closes the connection behind the error. The next statement on it
                // gets an error or, if the end was seen before it was sent, another connection.
                await until {
                    await failure { try await console.queryScript("SHOW VERSION") } == nil
                }
            }
        }
    }
}
