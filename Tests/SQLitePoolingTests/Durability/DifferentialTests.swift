// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import TestSupport
import Testing

@testable import SQLitePooling

/// Random transactions on a pool, compared with the same ones on one plain connection.
@Suite(.timeLimit(.minutes(10))) struct DifferentialTests {
    indirect enum Step: Sendable {
        case statement(String)
        case savepoint([Step], isUndone: Bool)
    }

    struct Transaction: Sendable {
        var steps: [Step]
        var isUndone: Bool
    }

    private struct Refusal: Error {}

    static let schema = """
        CREATE TABLE parent (id INTEGER PRIMARY KEY, x INTEGER CHECK (x < 90));
        CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent ON DELETE CASCADE, u INTEGER UNIQUE);
        CREATE TABLE late (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE log (note TEXT NOT NULL);
        CREATE TRIGGER inserted AFTER INSERT ON child BEGIN
            INSERT INTO log VALUES ('child ' || new.id);
            SELECT RAISE(ABORT, 'no') WHERE new.u = 13;
        END;
        CREATE TRIGGER deleted AFTER DELETE ON parent BEGIN INSERT INTO log VALUES ('gone ' || old.id); END;
        """

    @Test("10,000 random statements have the same results and file as in plain SQLite", arguments: [1, 64])
    func random(group: Int) async throws {
        var generator = SeededGenerator(seed: SeededGenerator.seed("DifferentialTests"))
        let folder = try SampleFolder()
        let plain = try Plain(folder.file("plain"))
        _ = plain.run("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;" + Self.schema)
        try await withPool(SQLiteConfiguration.with(maximumWritesPerCommit: group), in: folder) { pool in
            try await pool.writeWithoutTransaction { db in try db.executeScript(SQLiteQuery(unsafe: Self.schema)) }
            var count = 0
            while count < 10_000 {
                let batch = (0..<(group == 1 ? 1 : 12)).map { _ in
                    Self.transaction(mayRollBack: group == 1, &generator, count: &count)
                }
                let outcomes = try await run(batch, on: pool, inGroup: group > 1)
                for (transaction, outcome) in zip(batch, outcomes) {
                    let expected = plain.run(transaction)
                    try #require(outcome == expected, "\(transaction)")
                }
            }
            for table in ["parent", "child", "late", "log", "sqlite_schema"] {
                let sql = Self.dump(table)
                let found = try await pool.query(SQLiteQuery(unsafe: sql), as: SQLiteValue.self).map(Self.text)
                #expect(found == plain.query(sql).rows)
            }
        }
    }

    private static func dump(_ table: String) -> String {
        switch table {
        case "parent": "SELECT id || ',' || ifnull(x, '') FROM parent ORDER BY id"
        case "child": "SELECT id || ',' || ifnull(p, '') || ',' || ifnull(u, '') FROM child ORDER BY id"
        case "late": "SELECT id || ',' || ifnull(p, '') FROM late ORDER BY id"
        case "log": "SELECT note FROM log ORDER BY rowid"
        default: "SELECT type || name || ifnull(sql, '') FROM sqlite_schema ORDER BY name"
        }
    }

    // MARK: On the pool

    private func run(_ batch: [Transaction], on pool: SQLitePool, inGroup: Bool) async throws -> [[String]] {
        let outcomes = Locked(Array(repeating: [String](), count: batch.count))
        let bodies = batch.enumerated().map {
            index,
            transaction -> @Sendable (borrowing SQLiteConnection) throws -> Void in
            { db in
                var outcome: [String] = []
                defer { outcomes.withLock { $0[index] = outcome } }
                Self.run(transaction.steps, on: db, &outcome)
                if transaction.isUndone { throw Refusal() }
            }
        }
        let results: [Result<Void, any Error>]
        if inGroup {
            results = try await SQLitePoolingTests.inGroup(pool, bodies)
        } else {
            var all: [Result<Void, any Error>] = []
            for body in bodies {
                do { all.append(.success(try await pool.write { db in try body(db) })) } catch {
                    all.append(.failure(error))
                }
            }
            results = all
        }
        return zip(outcomes.withLock { $0 }, results).map { outcome, result in
            switch result {
            case .success: outcome + ["done"]
            case .failure(let error): outcome + [Self.name(error)]
            }
        }
    }

    private static func run(_ steps: [Step], on db: borrowing SQLiteConnection, _ outcome: inout [String]) {
        for step in steps {
            // Then even a statement that SQLite does not accept comes too late.
            let wasLost = db.session.isAutocommitting
            do {
                switch step {
                case .statement(let sql) where sql.contains("RETURNING") || sql.hasPrefix("SELECT"):
                    outcome += try db.query(SQLiteQuery(unsafe: sql), as: SQLiteValue.self).map(text)
                case .statement(let sql):
                    try db.execute(SQLiteQuery(unsafe: sql))
                case .savepoint(let inner, let isUndone):
                    try db.withSavepoint { db in
                        run(inner, on: db, &outcome)
                        if isUndone { throw Refusal() }
                    }
                }
            } catch {
                outcome.append(wasLost ? "lost" : name(error))
            }
        }
    }

    private static func name(_ error: any Error) -> String {
        guard let error = error as? SQLiteError else { return "undone" }
        return error.code == .transactionAborted ? "lost" : "\(error.code.rawValue)"
    }

    private static func text(_ value: SQLiteValue) -> String {
        switch value {
        case .integer(let number): "\(number)"
        case .text(let text): text
        default: "NULL"
        }
    }

    // MARK: Random transactions

    private static func transaction(
        mayRollBack: Bool,
        _ generator: inout SeededGenerator,
        count: inout Int
    ) -> Transaction {
        let steps = steps(depth: 0, mayRollBack, &generator, count: &count)
        return Transaction(steps: steps, isUndone: Int.random(in: 0..<8, using: &generator) == 0)
    }

    private static func steps(
        depth: Int,
        _ mayRollBack: Bool,
        _ generator: inout SeededGenerator,
        count: inout Int
    ) -> [Step] {
        var steps: [Step] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            if depth < 3, Int.random(in: 0..<5, using: &generator) == 0 {
                let inner = Self.steps(depth: depth + 1, mayRollBack, &generator, count: &count)
                steps.append(.savepoint(inner, isUndone: Bool.random(using: &generator)))
            } else {
                steps.append(.statement(statement(mayRollBack, &generator)))
                count += 1
            }
        }
        return steps
    }

    private static func statement(_ mayRollBack: Bool, _ generator: inout SeededGenerator) -> String {
        func number(_ limit: Int = 40) -> Int { Int.random(in: 0..<limit, using: &generator) }
        let conflicts = ["", "OR ABORT", "OR FAIL", "OR IGNORE", "OR REPLACE"] + (mayRollBack ? ["OR ROLLBACK"] : [])
        let conflict = conflicts[number(conflicts.count)]
        switch number(14) {
        case 0, 1: return "INSERT \(conflict) INTO parent VALUES (\(number()), \(number(100)))"
        case 2, 3: return "INSERT \(conflict) INTO child VALUES (\(number()), \(number()), \(number()))"
        case 4: return "INSERT \(conflict) INTO late VALUES (\(number()), \(number()))"
        case 5: return "INSERT INTO parent VALUES (\(number()), 1) ON CONFLICT (id) DO UPDATE SET x = x + 20"
        case 6: return "UPDATE \(conflict) child SET u = u + 1 WHERE id > \(number())"
        case 7: return "UPDATE \(conflict) parent SET id = id + 3 WHERE id > \(number()) RETURNING id"
        case 8: return "DELETE FROM parent WHERE id = \(number())"
        case 9: return "DELETE FROM late WHERE id < \(number()) RETURNING id"
        case 10: return "SELECT count(*) FROM child JOIN parent ON p = parent.id WHERE x < \(number(100))"
        case 11: return "CREATE TABLE extra\(number(3)) (a, b)"
        case 12: return "DROP TABLE extra\(number(3))"
        default: return "INSERT \(conflict) INTO log VALUES (\(number(4) == 0 ? "NULL" : "'x'"))"
        }
    }

    // MARK: On a plain connection

    @safe
    private final class Plain {
        private var handle: OpaquePointer?

        init(_ path: String) throws {
            try #require(unsafe sqlite3_open(path, &handle) == SQLITE_OK)
            _ = unsafe sqlite3_extended_result_codes(handle, 1)
        }

        deinit { _ = unsafe sqlite3_close_v2(handle) }

        private var isLost: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }

        @discardableResult
        func run(_ sql: String) -> Int32 { unsafe sqlite3_exec(handle, sql, nil, nil, nil) }

        func query(_ sql: String) -> (code: Int32, rows: [String]) {
            var statement: OpaquePointer?
            let code = unsafe sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
            guard code == SQLITE_OK else { return (code, []) }
            defer { _ = unsafe sqlite3_finalize(statement) }
            var rows: [String] = []
            while true {
                let code = unsafe sqlite3_step(statement)
                guard code == SQLITE_ROW else { return (code == SQLITE_DONE ? SQLITE_OK : code, rows) }
                rows.append(unsafe sqlite3_column_text(statement, 0).map { unsafe String(cString: $0) } ?? "NULL")
            }
        }

        func run(_ transaction: Transaction) -> [String] {
            var outcome: [String] = []
            run("BEGIN IMMEDIATE")
            run(transaction.steps, &outcome)
            defer { if !isLost { run("ROLLBACK") } }
            if transaction.isUndone { return outcome + ["undone"] }
            if isLost { return outcome + ["lost"] }
            let code = run("COMMIT")
            return outcome + [code == SQLITE_OK ? "done" : "\(code)"]
        }

        private func run(_ steps: [Step], _ outcome: inout [String]) {
            for step in steps {
                if isLost {
                    outcome.append("lost")
                    continue
                }
                switch step {
                case .statement(let sql):
                    let (code, rows) = query(sql)
                    outcome += code == SQLITE_OK ? rows : ["\(code)"]
                case .savepoint(let inner, let isUndone):
                    run("SAVEPOINT s")
                    run(inner, &outcome)
                    if isUndone { outcome.append("undone") } else if isLost { outcome.append("lost") }
                    if !isLost { run(isUndone ? "ROLLBACK TO s; RELEASE s" : "RELEASE s") }
                }
            }
        }
    }
}
