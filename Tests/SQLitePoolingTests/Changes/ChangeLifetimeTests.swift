// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Testing

@testable import SQLitePooling

/// The beginning and the end of subscriptions to changes.
@Suite(.timeLimit(.minutes(10))) struct ChangeLifetimeTests {
    /// Whether the writer tracks changes.
    private func isTracking(_ pool: SQLitePool) async throws -> Bool {
        try await pool.writeWithoutTransaction { db in db.session.changes != nil && db.session.access != nil }
    }

    @Test("The writer has hooks only while changes have subscribers")
    func installation() async throws {
        try await withTables { pool in
            #expect(try await !isTracking(pool))
            let first = try await pool.changes()
            var second: SQLiteChanges? = try await pool.changes(in: "user")
            #expect(try await isTracking(pool))
            first.cancel()
            #expect(try await isTracking(pool))
            var iterator = second?.makeAsyncIterator()
            second = nil
            #expect(try await isTracking(pool))
            try await pool.execute("UPDATE user SET age = 1 WHERE id = 1")
            #expect(await iterator?.next()?.tables == ["user": .rows([1])])
            iterator = nil
            // The use in which the writer finds no subscriber is the last one with hooks.
            _ = try await isTracking(pool)
            #expect(try await !isTracking(pool))
            let again = try await changes(pool) { db in try db.execute("UPDATE user SET age = 2 WHERE id = 1") }
            #expect(again == ["user": .rows([1])])
        }
    }

    @Test("A new writer's changes are delivered")
    func replacement() async throws {
        try await withTables { pool in
            let result = try await changes(pool) { pool in
                try await pool.execute("UPDATE user SET age = 1 WHERE id = 1")
                try await pool.write { db in db.discardAfterUse() }
                try await pool.execute("UPDATE user SET age = 1 WHERE id = 2")
                pool.evictAll()
                try await pool.execute("UPDATE user SET age = 1 WHERE id = 3")
            }
            #expect(result == ["user": .rows([1, 2, 3])])
        }
    }

    @Test("The sequence ends when the pool is closed, after the changes that it has")
    func end() async throws {
        try await withTables { pool in
            let changes = try await pool.changes()
            let other = try await pool.changes()
            let waiting = Task { () -> [SQLiteChanges.Batch] in
                var batches: [SQLiteChanges.Batch] = []
                for await batch in other { batches.append(batch) }
                return batches
            }
            try await pool.execute("UPDATE user SET age = 1 WHERE id = 1")
            await pool.close()
            var iterator = changes.makeAsyncIterator()
            #expect(await iterator.next()?.tables == ["user": .rows([1])])
            #expect(await iterator.next() == nil)
            #expect(await waiting.value.count == 1)
            await #expect(throws: PoolError.self) { _ = try await pool.changes() }
        }
    }

    @Test("The sequence ends for a cancelled task, which takes no batch")
    func cancellation() async throws {
        try await withTables { pool in
            let changes = try await pool.changes()
            let consumer = Task { () -> SQLiteChanges.Batch? in
                var iterator = changes.makeAsyncIterator()
                return await iterator.next()
            }
            consumer.cancel()
            #expect(await consumer.value == nil)
            try await pool.execute("UPDATE user SET age = 1 WHERE id = 1")
            var iterator = changes.makeAsyncIterator()
            #expect(await iterator.next()?.tables == ["user": .rows([1])])
        }
    }

    @Test("A subscription that gets no connection fails, and leaves no subscriber")
    func timeout() async throws {
        try await withTables { pool in
            try await withHeldWriter(pool) { release in
                await #expect(throws: (any Error).self) { _ = try await pool.changes(timeout: .zero) }
                release()
            }
            #expect(!pool.file.changes.isActive)
        }
    }

    @Test("A read-only pool has no changes of its own")
    func readOnly() async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { _ in }
        try await withPool(.with(mode: .readOnly), in: folder) { pool in
            let error = try await sqliteError { _ = try await pool.changes() }
            #expect(error.code == .readOnly)
        }
    }

    // MARK: Changes by other connections

    /// An interval at whose multiples nothing else of a pool sleeps.
    static let interval = Duration.milliseconds(1_370)

    /// Waits until the pool sleeps until a poll.
    private func waitForPoll(_ clock: ManualClock, _ number: Int) async {
        while !clock.deadlines.contains(Self.interval * number), !Task.isCancelled { await Task.yield() }
    }

    /// Advances the clock to the next poll.
    private func poll(_ clock: ManualClock, _ number: inout Int) async {
        number += 1
        await waitForPoll(clock, number)
        clock.advance(by: Self.interval)
    }

    @Test("A poll delivers commits of other connections, and not those of the pool", arguments: [false, true])
    func polling(isReadOnly: Bool) async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { _ in }
        let clock = ManualClock()
        let configuration = SQLiteConfiguration.with(mode: isReadOnly ? .readOnly : .readWriteCreate, maximumReaders: 1)
        let pool = try SQLitePool(configuration.at(folder.file()), clock: clock)
        let changes = try await pool.changes(in: "user", "session", pollInterval: Self.interval)
        var iterator = changes.makeAsyncIterator()
        let outside = try OutsideConnection(folder.file())
        var number = 0
        for _ in 0..<3 {
            if !isReadOnly {
                try await pool.execute("UPDATE user SET age = 9 WHERE id = 1")
                #expect(await iterator.next()?.tables == ["user": .rows([1])])
            }
            // A poll finds nothing.
            await poll(clock, &number)
            await waitForPoll(clock, number + 1)
            try outside.run("UPDATE user SET age = age + 1 WHERE id = 2")
            await poll(clock, &number)
            #expect(await iterator.next()?.tables == ["user": .all, "session": .all])
        }
        await pool.close()
    }

    @Test("A poll delivers a change of everything after the writer was replaced")
    func pollingReplacedWriter() async throws {
        let folder = try SampleFolder()
        try await withTables(in: folder) { _ in }
        let clock = ManualClock()
        let pool = try SQLitePool(SQLiteConfiguration.patient.at(folder.file()), clock: clock)
        var iterator = try await pool.changes(in: "user", pollInterval: Self.interval).makeAsyncIterator()
        try await pool.write { db in db.discardAfterUse() }
        var number = 0
        await poll(clock, &number)
        #expect(await iterator.next()?.tables == ["user": .all])
        await pool.close()
    }
}
