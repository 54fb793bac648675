// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Testing

@testable import PostgresPooling

/// What observers receive of repeated transactions.
@Suite(.timeLimit(.minutes(10))) struct RetryObserverTests {
    private final class Recorder: PostgresPoolObserver {
        let events = Counted<String>()

        func observe(_ event: PoolEvent, in pool: String) {}

        func observe(_ event: PostgresPoolEvent, in pool: String) {
            switch event {
            case .transactionRepeated(let attempt, let cause):
                events.add("\(pool): attempt \(attempt) after \(cause.sqlState?.description ?? "")")
            case .transactionRecovered(let attempts): events.add("\(pool): recovered after \(attempts)")
            case .transactionGivenUp(let error): events.add("\(pool): given up after \(error.attempts)")
            @unknown default: Issue.record()
            }
        }
    }

    @Test("An observer receives each repetition, and how the call has ended")
    func repetitions() async throws {
        var configuration = PostgresConfiguration.withLongTimeouts(try await TestServer.shared.url)
        configuration.pool.name = "repeating"
        let recorder = Recorder()
        let pool = try PostgresPool(configuration, observers: [recorder])
        let conflict: PostgresQuery = "DO $$BEGIN RAISE SQLSTATE '40001'; END$$"
        let retry = PostgresRetry.serializationFailures(attempts: 3, backOff: .zero)
        var count = 0
        try await pool.withTransaction(retry: retry) { db in
            count += 1
            if count < 3 { try await db.execute(conflict) }
        }
        #expect(
            recorder.events.values == [
                "repeating: attempt 2 after 40001", "repeating: attempt 3 after 40001", "repeating: recovered after 3",
            ]
        )
        await #expect(throws: PostgresError.self) {
            try await pool.withTransaction(retry: retry) { db in try await db.execute(conflict) }
        }
        #expect(recorder.events.values.last == "repeating: given up after 3")
        try await pool.withTransaction(retry: retry) { db in try await db.execute("SELECT 1") }
        #expect(recorder.events.values.count == 6)
        await pool.close()
    }
}
