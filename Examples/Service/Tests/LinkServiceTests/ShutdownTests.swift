// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite struct ShutdownTests {
    @Test(
        "After SIGTERM a request in flight completes, new requests are refused, and the exit code is 0",
        arguments: TestDatabase.allCases
    )
    func requestInFlight(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            _ = try await service.request("POST", "/links", #"{"url":"https://example.com","code":"held"}"#)
            try await withThrowingTaskGroup(of: HTTPAnswer.self) { group in
                try await database.whileLocked(path) {
                    group.addTask { try await service.request("GET", "/links/held") }
                    // The log contains the request when it has arrived.
                    try await service.waitForLog("/links/held")
                    service.terminate()
                    // Until the service no longer listens.
                    while (try? await service.request("GET", "/nowhere")) != nil {}
                }
                #expect(try await group.next()?.status == 302)
            }
            #expect(try await service.exitCode() == 0)
        }
    }

    @Test(
        "A request that does not end delays the shutdown by no more than the drain timeout",
        arguments: TestDatabase.allCases
    )
    func requestThatDoesNotEnd(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path, ["LINKS_POOL_DRAIN_TIMEOUT": "100ms"])
            _ = try await service.request("POST", "/links", #"{"url":"https://example.com","code":"held"}"#)
            try await withThrowingTaskGroup(of: Int?.self) { group in
                try await database.whileLocked(path) {
                    group.addTask { try? await service.request("GET", "/links/held").status }
                    try await service.waitForLog("/links/held")
                    service.terminate()
                    #expect(try await service.exitCode() == 0)
                }
                #expect(try await group.next() != 302)
            }
        }
    }

    @Test("The pool interrupts a request that waits for a row lock at the drain timeout")
    func interruption() async throws {
        let database = TestDatabase.postgres
        try await database.withDatabase { path in
            // Requests are cancelled a close timeout after the drain timeout.
            let settings = ["LINKS_POOL_DRAIN_TIMEOUT": "100ms", "LINKS_POOL_CLOSE_TIMEOUT": "1h"]
            let service = try RunningService(database: path, settings)
            _ = try await service.request("POST", "/links", #"{"url":"https://example.com","code":"held"}"#)
            try await withThrowingTaskGroup(of: Int?.self) { group in
                try await database.whileLocked(path) {
                    group.addTask { try? await service.request("GET", "/links/held").status }
                    try await service.waitForLog("/links/held")
                    service.terminate()
                    #expect(try await service.exitCode() == 0)
                }
                #expect(try await group.next() != 302)
            }
        }
    }

    @Test("A service without requests ends with 0", arguments: TestDatabase.allCases)
    func idle(database: TestDatabase) async throws {
        try await database.withDatabase { path in
            let service = try RunningService(database: path)
            _ = try await service.url()
            service.terminate()
            #expect(try await service.exitCode() == 0)
        }
    }
}
