// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// What observers receive for statements that fail.
@Suite(.timeLimit(.minutes(10))) struct StatementFailureTests {
    @Test("A failed statement has the server's code, and no row count")
    func serverErrors() async throws {
        try await TestServer.shared.withObservedPool { pool, recorder in
            await #expect(throws: PostgresError.self) { try await pool.execute("SELECT \(1) / 0") }
            await #expect(throws: PostgresError.self) { try await pool.execute("SELEKT 1") }
            await #expect(throws: PostgresError.self) { try await pool.executeScript("SELECT 1; SELECT 1 / 0") }
            let events = recorder.take()
            #expect(events.map(\.end) == ["22012", "42601", "22012"])
            #expect(events.map(\.operation) == ["SELECT", nil, nil])
            #expect(events.allSatisfy { $0.rowCount == nil && $0.commandTag == nil })
            for case .failed(let failure) in events.map(\.outcome) {
                #expect((failure.error as? PostgresError)?.sqlState?.description == failure.databaseCode)
            }
        }
    }

    @Test("A statement that is not sent has the library's code")
    func encoding() async throws {
        try await TestServer.shared.withObservedPool { pool, recorder in
            await #expect(throws: PostgresError.self) { try await pool.query("SELECT \("a\0b")") }
            let event = try #require(recorder.take().first)
            #expect(event.end == "encoding")
            guard case .failed(let failure) = event.outcome else { return }
            #expect(failure.databaseCode == nil)
        }
    }

    @Test("A statement whose deadline passes is reported at that time, with the code timedOut")
    func timeouts() async throws {
        try await TestServer.shared.withObservedPool { pool, recorder in
            try await pool.withConnection { db in
                await #expect(throws: PostgresError.self) {
                    try await db.execute("SELECT pg_sleep(600)", timeout: .milliseconds(1))
                }
                #expect(recorder.take().map(\.end) == ["timedOut"])
                try await db.execute("SELECT 1")
                #expect(recorder.take().map(\.end) == ["completed"])
            }
        }
    }

    @Test("A cancelled statement is reported with the error of its caller")
    func cancellation() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            let task = Task { try await pool.execute("SELECT pg_sleep(600), 'observed cancellation'") }
            try await server.waitForSession(running: "observed cancellation")
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let event = try #require(recorder.take().last)
            #expect(event.end == "cancelled")
            guard case .failed(let failure) = event.outcome else { return }
            #expect(failure.error is CancellationError)
            // The connection serves the next statement, which is reported as usual.
            try await pool.execute("SELECT 1")
            #expect(recorder.take().map(\.end) == ["completed"])
        }
    }

    @Test("The end of a session is reported with its reason, and the next connection has another number")
    func lostConnections() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            try await pool.withConnection { db in
                let process = db.serverProcess
                await #expect(throws: PostgresError.self) {
                    try await db.execute("SELECT pg_terminate_backend(\(process))")
                }
                await #expect(throws: PostgresError.self) { try await db.execute("SELECT 1") }
            }
            let events = recorder.take()
            #expect(events.map(\.end) == ["57P01", "57P01"])
            #expect(Set(events.map(\.connection.number)).count == 1)
            try await pool.execute("SELECT 2")
            let next = recorder.take()
            #expect(next.map(\.end) == ["completed"])
            #expect(next.first?.connection.number != events.first?.connection.number)
        }
    }

    @Test("A pipeline that is cancelled has an event for each of its statements")
    func pipelines() async throws {
        let server = try await TestServer.shared
        try await server.withObservedPool { pool, recorder in
            let task = Task {
                try await pool.withPipeline { pipeline in
                    pipeline.execute("SELECT 1")
                    pipeline.execute("SELECT pg_sleep(600), 'observed pipeline'")
                    pipeline.execute("SELECT 3")
                }
            }
            try await server.waitForSession(running: "observed pipeline")
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let events = recorder.take()
            #expect(events.count == 3 && events.allSatisfy { $0.end != "completed" })
        }
    }
}
