// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import SQLitePooling

@Suite(.timeLimit(.minutes(10))) struct FunctionTests {
    private struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    private func configuration(_ functions: SQLiteFunction...) -> SQLiteConfiguration {
        var configuration = SQLiteConfiguration.patient
        configuration.functions = functions
        return configuration
    }

    // MARK: Values

    @Test("Readers, the writer and a new connection have the functions of the configuration")
    func everyConnection() async throws {
        let double = SQLiteFunction.scalar("double") { (number: Int) in number * 2 }
        try await withPool(configuration(double)) { pool in
            #expect(try await pool.query("SELECT double(21)", as: Int.self) == [42])
            #expect(try await pool.write { db in try db.query("SELECT DOUBLE(4)", as: Int.self) } == [8])
            for _ in 0..<2 {
                try await pool.read { db in db.discardAfterUse() }
                try await pool.write { db in db.discardAfterUse() }
            }
            #expect(try await pool.query("SELECT double(-1)", as: Int.self) == [-2])
            #expect(try await pool.write { db in try db.query("SELECT double(1)", as: Int.self) } == [2])
            while pool.statistics.connectionsClosed < 4 { await Task.yield() }
            #expect(pool.statistics.connectionsClosed == 4)
        }
    }

    @Test("Arguments and results have the types of the closure, with the pool's strategies")
    func types() async throws {
        var configuration = configuration(
            .scalar("no_value") { () in nil as Int? },
            .scalar("text") { (text: String?) in text },
            .scalar("bytes") { (bytes: Data) in bytes },
            .scalar("later") { (date: Date) in date.addingTimeInterval(60) },
            .scalar("same_id") { (id: UUID) in id },
            .scalar("sum_of") { (one: Double, two: Int8, three: Bool) in one + Double(two) + (three ? 1 : 0) },
            .scalar("number") { (value: SQLiteValue) in value }
        )
        configuration.dates = .secondsSince1970
        configuration.uuids = .blob
        try await withPool(configuration) { pool async throws in
            let id = UUID()
            #expect(try await pool.query("SELECT no_value()", as: Int?.self) == [nil])
            #expect(
                try await pool.query("SELECT text(NULL) IS NULL, text('é')", as: (Bool, String).self)[0] == (true, "é")
            )
            #expect(try await pool.query("SELECT later(0)", as: Int.self) == [60])
            #expect(
                try await pool.query("SELECT typeof(same_id(\(id))), same_id(\(id))", as: (String, UUID).self)[0] == (
                    "blob", id
                )
            )
            #expect(try await pool.query("SELECT sum_of(0.5, 2, 1)", as: Double.self) == [3.5])
            for value in [SQLiteValue.null, .integer(.min), .real(-0.5), .text(""), .blob([]), .blob([0, 1])] {
                #expect(try await pool.query("SELECT number(\(value))", as: SQLiteValue.self) == [value])
            }
        }
    }

    @Test("A text with NUL characters passes through a function, and one that is not UTF-8 is an error")
    func texts() async throws {
        let functions = configuration(
            .scalar("echo") { (text: String) in text },
            .variadic("echo_all") { values in values[0] }
        )
        try await withPool(functions) { pool in
            for text in ["a\0b", "\0", "", "🙂\0"] {
                #expect(try await pool.query("SELECT echo(\(text))", as: String.self) == [text])
                #expect(try await pool.query("SELECT echo_all(\(text))", as: String.self) == [text])
            }
            for call: SQLiteQuery in ["SELECT echo(CAST(x'ff' AS TEXT))", "SELECT echo_all(CAST(x'ff' AS TEXT))"] {
                let error = try await sqliteError { _ = try await pool.query(call, as: String.self) }
                #expect(
                    error.code == .decoding && error.message.contains("argument 1 of echo") && error.sql == call.text
                )
            }
        }
    }

    @Test("A text passes through a function in a UTF-16 database")
    func utf16() async throws {
        var functions = configuration(.scalar("echo") { (text: String) in text })
        functions.pragmas = [SQLiteConfiguration.Pragma("encoding", "'UTF-16le'")]
        try await withPool(functions) { pool in
            try await pool.executeScript("CREATE TABLE t (s TEXT); INSERT INTO t VALUES ('é🙂')")
            #expect(
                try await pool.query("SELECT echo(s) = s, echo(s) FROM t", as: (Bool, String).self)[0] == (true, "é🙂")
            )
        }
    }

    @Test("A blob of 30 MB passes through a function, and a result above the limit is too big")
    func bigBlobs() async throws {
        let size = 30 << 20
        var functions = configuration(
            .scalar("echo") { (bytes: Data) in bytes },
            .scalar("repeated") { (count: Int) in String(repeating: "x", count: count) }
        )
        functions.limits.valueBytes = size
        try await withPool(functions) { pool in
            let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let returned = try await pool.query("SELECT echo(\(bytes))", as: Data.self)
            #expect(returned == [bytes])
            let error = try await sqliteError {
                _ = try await pool.query("SELECT repeated(\(size + 1))", as: String.self)
            }
            #expect(error.code == .tooBig)
        }
    }

    // MARK: Errors

    @Test("An argument of another type is an error that names the argument and shows no value")
    func wrongTypes() async throws {
        let functions = configuration(.scalar("shout") { (times: Int, text: String) in text + String(times) })
        try await withPool(functions) { pool in
            for (call, position, type) in [
                ("shout('hunter2', 'x')", 1, "TEXT"), ("shout(1.5, 'x')", 1, "REAL"), ("shout(NULL, 'x')", 1, "NULL"),
                ("shout(1, 2)", 2, "INTEGER"), ("shout(1, x'00')", 2, "BLOB"),
            ] {
                let error = try await sqliteError {
                    _ = try await pool.query(SQLiteQuery(unsafe: "SELECT \(call)"), as: String.self)
                }
                #expect(
                    error.code == .decoding && error.message.hasPrefix("argument \(position) of shout() (\(type)): ")
                )
                #expect(!error.message.contains("hunter2"))
            }
            let count = try await sqliteError { _ = try await pool.query("SELECT shout(1)", as: String.self) }
            #expect(count.code == .error && count.message == "wrong number of arguments to function shout()")
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("A thrown error is the statement's error with its message, and the transaction continues")
    func thrownErrors() async throws {
        let functions = configuration(
            .scalar("checked") { (number: Int) in
                guard number < 3 else { throw Refusal(description: "three is too many") }
                return number
            },
            .scalar("endless") { () in Double.nan },
            .scalar("passed") { (number: Int) in
                if number == 2 { throw SQLiteError(.busy, "another database is busy") }
                return number
            }
        )
        try await withPool(functions) { pool in
            try await pool.executeScript("CREATE TABLE t (x); CREATE TABLE u (x)")
            try await pool.write { db in
                try db.execute("INSERT INTO t VALUES (1), (2), (3)")
                let error = #expect(throws: SQLiteError.self) {
                    try db.execute("INSERT INTO u SELECT checked(x) FROM t")
                }
                #expect(error?.code == .functionFailed)
                #expect(error?.message == "the function checked() threw an error: three is too many")
                #expect(error?.sql == "INSERT INTO u SELECT checked(x) FROM t")
                // Only the statement is undone.
                #expect(try db.query("SELECT count(*) FROM u", as: Int.self) == [0])
                try db.execute("INSERT INTO u SELECT checked(x) FROM t WHERE x < 3")
            }
            #expect(try await pool.query("SELECT x FROM u", as: Int.self) == [1, 2])
            let passed = try await sqliteError { try await pool.execute("UPDATE t SET x = passed(x)") }
            #expect(passed.code == .busy && passed.isRetryable && passed.message == "another database is busy")
            let nan = try await sqliteError { _ = try await pool.query("SELECT endless()", as: Double.self) }
            #expect(nan.code == .encoding && nan.message.hasPrefix("the result of endless() is NaN"))
            // An error of SQLite's own afterwards is not taken for one of a function.
            let own = try await sqliteError { _ = try await pool.query("SELECT json('{')", as: String.self) }
            #expect(own.code == .error && own.message == "malformed JSON")
            #expect(pool.statistics.connectionsClosed == 0)
        }
    }

    @Test("An error in a function of a trigger undoes the statement that fired it")
    func triggers() async throws {
        let refuse = SQLiteFunction.scalar("refuse", schemaUse: .always) { (number: Int) -> Int in
            throw Refusal(description: "no \(number)")
        }
        try await withPool(configuration(refuse)) { pool in
            try await pool.executeScript(
                """
                CREATE TABLE t (x); CREATE TABLE u (x);
                CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO u VALUES (refuse(new.x)); END;
                """
            )
            let error = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (7)") }
            #expect(error.code == .functionFailed && error.message.hasSuffix("no 7"))
            #expect(try await pool.query("SELECT count(*) FROM t", as: Int.self) == [0])
        }
    }

    @Test("A cancelled call returns while its function still runs")
    func cancellation() async throws {
        let rendezvous = Rendezvous()
        let function = SQLiteFunction.scalar("wait") { () in
            rendezvous.arrive()
            rendezvous.wait()
            return 1
        }
        try await withPool(configuration(function)) { pool async throws in
            let task = Task { try await pool.query("SELECT wait()", as: Int.self) }
            await rendezvous.arrived()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            rendezvous.release()
            await expectNoLeases(pool)
            #expect(try await pool.query("SELECT 1", as: Int.self) == [1])
        }
    }

    // MARK: Names, overloads and flags

    @Test("A call uses the overload with its number of arguments, and otherwise the variadic one")
    func overloads() async throws {
        let functions = configuration(
            .variadic("which") { values in "any \(values.count)" },
            .scalar("which") { (_: Int) in "one" },
            .scalar("which") { (_: Int, _: Int) in "two" }
        )
        try await withPool(functions) { pool in
            let row = try await pool.query(
                "SELECT which(), which(1), which(1, 2), which(1, NULL, 3)",
                as: (String, String, String, String).self
            )[0]
            #expect(row == ("any 0", "one", "two", "any 3"))
        }
    }

    @Test("A name that SQLite cannot call, or that is taken, makes the configuration invalid")
    func names() throws {
        let names = [
            "", "a b", "1a", "a\0", "é", "a-b", String(repeating: "a", count: 256), "lower", "LIKE", "Count", "json",
        ]
        for name in names {
            let error = #expect(throws: SQLiteError.self) {
                try SQLitePool(configuration(.scalar(name) { (number: Int) in number }))
            }
            #expect(error?.code == .invalidConfiguration && error?.message.hasPrefix("functions must") == true)
        }
        let twice = #expect(throws: SQLiteError.self) {
            try SQLitePool(configuration(.scalar("f") { (x: Int) in x }, .scalar("F") { (x: String) in x }))
        }
        #expect(twice?.message == "functions must contain f(1) once")
        _ = try SQLitePool(
            configuration(.scalar("regexp") { (_: String, _: String) in true }, .scalar("_1") { () in 1 })
        )
    }

    @Test("The operator REGEXP calls the function of that name")
    func regexp() async throws {
        let function = SQLiteFunction.scalar("regexp", isDeterministic: true) { (pattern: String, text: String?) in
            try text.map { try $0.contains(Regex(pattern)) }
        }
        try await withPool(configuration(function)) { pool in
            #expect(
                try await pool.query("SELECT 'abc' REGEXP 'b.$', NULL REGEXP 'x'", as: (Bool, Bool?).self)[0] == (
                    true, nil
                )
            )
            let error = try await sqliteError { _ = try await pool.query("SELECT 'abc' REGEXP '('", as: Bool.self) }
            #expect(error.code == .functionFailed)
        }
    }

    @Test("SQLite calls a deterministic function once for constant arguments", arguments: [true, false])
    func determinism(isDeterministic: Bool) async throws {
        let calls = Atomic(0)
        try await withFunctionCounting(calls, isDeterministic: isDeterministic) { pool in
            try await pool.execute("CREATE TABLE t (x)")
            try await pool.execute("INSERT INTO t SELECT value FROM \(list: 0..<50)")
            _ = try await pool.query("SELECT counted(1) + x FROM t", as: Int.self)
        }
        #expect(calls.load(ordering: .relaxed) == (isDeterministic ? 1 : 50))
    }

    private func withFunctionCounting(
        _ calls: borrowing Atomic<Int>,
        isDeterministic: Bool,
        _ body: (SQLitePool) async throws -> Void
    ) async throws {
        final class Count: Sendable { let value = Atomic(0) }
        let count = Count()
        let function = SQLiteFunction.scalar("counted", isDeterministic: isDeterministic) { (number: Int) in
            count.value.add(1, ordering: .relaxed)
            return number
        }
        try await withPool(configuration(function), body)
        calls.store(count.value.load(ordering: .relaxed), ordering: .relaxed)
    }

    @Test("The schema of a file calls a function only if the function permits it", arguments: [true, false])
    func schemas(isTrusted: Bool) async throws {
        var functions = configuration(
            .scalar("direct") { (x: Int) in x },
            .scalar("trusted", schemaUse: .ifTrusted) { (x: Int) in x },
            .scalar("open", isDeterministic: true, schemaUse: .always) { (x: Int) in x + 1 }
        )
        if isTrusted { functions.pragmas = [SQLiteConfiguration.Pragma("trusted_schema", 1)] }
        try await withPool(functions) { pool in
            try await pool.executeScript(
                """
                CREATE VIEW v AS SELECT direct(1); CREATE VIEW w AS SELECT trusted(1);
                CREATE TABLE t (x INTEGER CHECK (open(x) > 0), y AS (open(x))); CREATE INDEX i ON t (open(x));
                """
            )
            let direct = try await sqliteError { _ = try await pool.query("SELECT * FROM v", as: Int.self) }
            #expect(direct.message == "unsafe use of direct()")
            if isTrusted {
                #expect(try await pool.query("SELECT * FROM w", as: Int.self) == [1])
            } else {
                let trusted = try await sqliteError { _ = try await pool.query("SELECT * FROM w", as: Int.self) }
                #expect(trusted.message == "unsafe use of trusted()")
            }
            try await pool.execute("INSERT INTO t VALUES (1)")
            #expect(try await pool.query("SELECT y FROM t WHERE open(x) = 2", as: Int.self) == [2])
            let check = try await sqliteError { try await pool.execute("INSERT INTO t VALUES (-1)") }
            #expect(check.code == .constraintCheck)
            #expect(try await pool.integrityCheck().isEmpty)
            #expect(try await pool.query("SELECT direct(1) + trusted(1)", as: Int.self) == [2])
        }
    }
}
