// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import LinkService
import PostgresPooling
import Testing

@Suite struct HealthTests {
    @Test("A service with an available database is healthy", arguments: TestDatabase.allCases)
    func healthy(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            let answer = try await service.request("GET", "/health")
            #expect(answer.status == 200)
            let health: Health = try answer.decode()
            #expect(health.isHealthy)
            #expect(health.connections.values.reduce(0, +) > 0)
        }
    }

    @Test("A service is unhealthy while its server refuses connections, and recovers without a request")
    func outage() async throws {
        try await TestDatabase.postgres.withDatabase { database in
            try await TestDatabase.withRole(of: database) { administrator, role, ownDatabase in
                let service = try RunningService(
                    database: ownDatabase,
                    ["LINKS_POOL_MAXIMUM_BACKOFF": "50ms", "LINKS_POOL_INITIAL_BACKOFF": "10ms"]
                )
                #expect(try await service.request("GET", "/health").status == 200)

                try await administrator.execute(PostgresQuery(unsafe: "ALTER ROLE \(role) NOLOGIN"))
                try await administrator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = \(role)"
                )
                while try await service.request("GET", "/health").status != 503 {}
                let refused = try await service.request("GET", "/links")
                #expect(refused.status == 503)

                try await administrator.execute(PostgresQuery(unsafe: "ALTER ROLE \(role) LOGIN"))
                while try await service.request("GET", "/health").status != 200 {}
                #expect(try await service.request("GET", "/links").status == 200)

                service.terminate()
                #expect(try await service.exitCode() == 0)
            }
        }
    }
}
