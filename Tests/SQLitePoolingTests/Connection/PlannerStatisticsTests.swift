// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

/// The refresh of the planner's statistics while a pool is open, and when connections close.
@Suite(.timeLimit(.minutes(5)))
struct PlannerStatisticsTests {
    /// A clock that the test advances, in nanoseconds.
    final class ManualClock: Sendable {
        private let nanoseconds = Atomic<UInt64>(1_000)

        var now: UInt64 { nanoseconds.load(ordering: .sequentiallyConsistent) }

        func advance(seconds: UInt64) { nanoseconds.add(seconds * 1_000_000_000, ordering: .sequentiallyConsistent) }
    }

    static var configuration: SQLiteConfiguration {
        var configuration = SQLiteConfiguration.patient
        configuration.pool.maximumConnections = 1
        return configuration
    }

    /// `s` and `t` with an index for each column: `a` is distinctive, and `b` is not.
    static let schema = """
        CREATE TABLE s (a, b); CREATE INDEX sa ON s (a); CREATE INDEX sb ON s (b);
        CREATE TABLE t (a, b); CREATE INDEX ta ON t (a); CREATE INDEX tb ON t (b);
        CREATE TABLE other (x);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO s SELECT i, i % 2 FROM n;
        INSERT INTO t SELECT a, b FROM s;
        """

    func withPool(
        _ configuration: SQLiteConfiguration = Self.configuration,
        hooks: SQLiteHooks = .init(),
        in folder: SampleFolder,
        _ body: (SQLitePool, ManualClock) async throws -> Void
    ) async throws {
        let clock = ManualClock()
        try configuration.validate()
        let location = try SQLiteLocation(path: folder.file(), mode: configuration.mode)
        let pool = try SQLitePool(at: location, configuration, [], hooks: hooks, clock: { clock.now })
        do {
            try await body(pool, clock)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    /// Passes `body` a pool for a database with ``schema`` and without statistics.
    func withTables(
        _ configuration: SQLiteConfiguration = Self.configuration,
        in folder: SampleFolder? = nil,
        _ body: (SQLitePool, ManualClock) async throws -> Void
    ) async throws {
        let folder = try folder ?? SampleFolder()
        try OutsideConnection(folder.file()).run("PRAGMA journal_mode = WAL; " + Self.schema)
        try await withPool(configuration, in: folder) { pool, clock in
            // From SQLite 3.46 on the writer asks its planner, an interval after it is opened.
            try await callWriter(pool)
            try await body(pool, clock)
        }
        withExtendedLifetime(folder) {}
    }

    /// A query whose plan depends on statistics of `table`.
    func queryBoth(_ pool: SQLitePool, _ table: String = "t") async throws {
        let query: SQLiteQuery = "SELECT count(*) FROM \(identifier: table) WHERE a = 1 AND b = 1"
        _ = try await pool.query(query, as: Int.self)
        await expectNoLeases(pool)
    }

    /// Makes a call of the writer that changes nothing.
    func callWriter(_ pool: SQLitePool) async throws {
        try await pool.writeWithoutTransaction { db in _ = try db.query("SELECT 1", as: Int.self) }
        await expectNoLeases(pool)
    }

    /// Returns the tables that have statistics.
    func analysed(_ pool: SQLitePool, in database: String = "main") async throws -> [String] {
        let names: [String] = try await pool.read { db in
            let master: SQLiteQuery = "SELECT 1 FROM \(identifier: database).sqlite_schema WHERE name = 'sqlite_stat1'"
            guard try !db.query(master, as: Int.self).isEmpty else { return [] }
            let tables: SQLiteQuery = "SELECT DISTINCT tbl FROM \(identifier: database).sqlite_stat1 ORDER BY tbl"
            return try db.query(tables, as: String.self)
        }
        await expectNoLeases(pool)
        return names
    }

    // MARK: While the pool is open

    @Test(
        "The writer analyses the tables that a reader's planner wants, once the interval has passed",
        arguments: [1, 8]
    )
    func interval(writesPerCommit: Int) async throws {
        var configuration = Self.configuration
        configuration.maximumWritesPerCommit = writesPerCommit
        try await withTables(configuration) { pool, clock in
            try await queryBoth(pool)
            try await pool.execute("INSERT INTO other VALUES (1)")
            clock.advance(seconds: 3_599)
            try await queryBoth(pool)
            try await pool.execute("INSERT INTO other VALUES (2)")
            await expectNoLeases(pool)
            #expect(try await analysed(pool) == [])
            clock.advance(seconds: 1)
            try await queryBoth(pool)
            for number in 0..<2 {
                try await pool.execute("INSERT INTO other VALUES (\(number))")
                await expectNoLeases(pool)
            }
            // A group releases its connection before it ends; the writer's thread takes the next
            // call after that.
            try await pool.writeWithoutTransaction { _ in }
            #expect(try await analysed(pool).contains("t"))
            #expect(pool.statistics.writer.closed == 0 && pool.statistics.readers.closed == 0)
        }
    }

    @Test("Readers plan with the new statistics")
    func loading() async throws {
        try await withTables { pool, clock in
            // The table of statistics exists, so that new rows in it do not change the schema.
            try await pool.execute("ANALYZE s")
            // The statement is cached with its plan.
            let query: SQLiteQuery = "SELECT count(*) FROM t WHERE a = 1 AND b = 1"
            func plan() async throws -> String {
                let steps = try await pool.read { db in
                    try db.query(
                        "EXPLAIN QUERY PLAN SELECT count(*) FROM t WHERE a = 1 AND b = 1",
                        decoding: PlanStep.self
                    )
                }
                await expectNoLeases(pool)
                return steps.map(\.detail).joined()
            }
            _ = try await pool.query(query, as: Int.self)
            #expect(try await plan().contains("tb"))
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool) == ["s", "t"])
            #expect(try await plan().contains("ta"))
            #expect(pool.statistics.readers.closed == 0)
        }
    }

    struct PlanStep: Decodable {
        let detail: String
    }

    @Test("A read on the calling thread also asks its planner", arguments: [false, true])
    func callingThread(isBlocking: Bool) async throws {
        try await withTables { pool, clock in
            @Sendable func query(_ db: borrowing SQLiteConnection) throws {
                _ = try db.query("SELECT count(*) FROM t WHERE a = 1 AND b = 1", as: Int.self)
            }
            func read() async throws {
                if isBlocking {
                    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
                        Thread.detachNewThread {
                            ended.resume(with: Result { try pool.readBlocking { db in try query(db) } })
                        }
                    }
                } else {
                    try await pool.readBlockingCooperativeThread { db in try query(db) }
                }
                await expectNoLeases(pool)
            }
            try await read()
            clock.advance(seconds: 3_600)
            try await read()
            try await callWriter(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool).contains("t"))
        }
    }

    @Test("The writer analyses one table after one call")
    func oneTable() async throws {
        try await withTables { pool, clock in
            try await queryBoth(pool, "s")
            try await queryBoth(pool, "t")
            clock.advance(seconds: 3_600)
            try await queryBoth(pool)
            try await callWriter(pool)
            #expect(try await analysed(pool).count == 1)
            try await callWriter(pool)
            #expect(try await analysed(pool) == ["s", "t"])
        }
    }

    @Test("The caller of the writer is resumed before a table is analysed")
    func answer() async throws {
        let meeting = Rendezvous()
        // A collation that blocks: the analysis compares the rows of an index with it.
        let gate = Gate(meeting)
        let hooks = SQLiteHooks(afterConnect: { db in gate.install(db.session) })
        let folder = try SampleFolder()
        try await withPool(hooks: hooks, in: folder) { pool, clock in
            try await pool.write { db in
                try db.executeScript(
                    """
                    CREATE TABLE t (a COLLATE gate, b); CREATE INDEX ta ON t (a); CREATE INDEX tb ON t (b);
                    CREATE TABLE other (x);
                    """
                )
                for number in 0..<50 { try db.execute("INSERT INTO t VALUES (\("\(number)"), \(number % 3))") }
            }
            let query: SQLiteQuery = "SELECT count(*) FROM t WHERE a = '1' AND b = 1"
            _ = try await pool.query(query, as: Int.self)
            clock.advance(seconds: 3_600)
            _ = try await pool.query(query, as: Int.self)
            await expectNoLeases(pool)
            gate.close()
            // Returns while the analysis is blocked.
            try await pool.execute("INSERT INTO other VALUES (1)")
            await meeting.arrived()
            #expect(pool.writer.status.leased == 1)
            meeting.release()
            await expectNoLeases(pool)
            #expect(try await analysed(pool) == ["t"])
        }
        withExtendedLifetime(folder) {}
    }

    /// A collation that blocks once for a test.
    @safe
    final class Gate: Sendable {
        private let meeting: Rendezvous
        private let isClosed = Atomic(false)

        init(_ meeting: Rendezvous) { self.meeting = meeting }

        func close() { isClosed.store(true, ordering: .sequentiallyConsistent) }

        func install(_ session: Session) {
            _ = unsafe sqlite3_create_collation(
                session.handle,
                "gate",
                SQLITE_UTF8,
                Unmanaged.passUnretained(self).toOpaque(),
                { context, leftCount, left, rightCount, right in
                    unsafe Unmanaged<Gate>.fromOpaque(context!).takeUnretainedValue().pass()
                    let order = unsafe memcmp(left!, right!, Int(min(leftCount, rightCount)))
                    return order == 0 ? leftCount - rightCount : order
                }
            )
        }

        private func pass() {
            guard isClosed.exchange(false, ordering: .sequentiallyConsistent) else { return }
            meeting.arrive()
            meeting.wait()
        }
    }

    // MARK: Input

    @Test(
        "An interval out of its range is a configuration error",
        arguments: [Duration.zero, .milliseconds(999), .seconds(31 * 86_400 + 1)]
    )
    func range(interval: Duration) async throws {
        var configuration = SQLiteConfiguration()
        configuration.optimizeInterval = interval
        let error = try #require(throws: SQLiteError.self) { try configuration.validate() }
        #expect(error.code == .invalidConfiguration && error.message.contains("optimizeInterval"))
    }

    @Test("Only the names in SQLite's own statements are used, and any other text is ignored")
    func names() {
        let quoted = Session.tableAnalysed(by: "ANALYZE \"main\".\"a\"\"b.c'd\"")
        #expect(quoted?.database == "main" && quoted?.name == "a\"b.c'd")
        for text in [
            "", "ANALYZE", "ANALYZE \"main\"", "ANALYZE main.t", "ANALYZE \"main\".\"t",
            "ANALYZE \"main\".\"t\"; DROP TABLE t",
            "DROP TABLE \"main\".\"t\"", "ANALYZE \"main\".\"t\"x",
        ] {
            #expect(Session.tableAnalysed(by: text) == nil, "\(text)")
        }
    }
}
