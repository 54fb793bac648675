// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Programs that must not compile, and the same programs without their mistake, which must
/// compile. The second form shows that the first fails for the intended reason.
@Suite(.timeLimit(.minutes(10))) struct CompileFailureTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let imports: String
        /// The program; `«mistake»` and `«right»` enclose the text of one form only.
        let program: String
        /// Part of the compiler's message.
        let message: String
    }

    static let mistakes: [Mistake] = [
        Mistake(
            testDescription: "A guard is not copied",
            imports: "LockPool",
            program: """
                func f(_ pool: LockPool<Int>) {
                    let lease = pool.tryGet()!
                    let other = lease
                    «mistake»lease.release()«»
                    other.release()
                }
                """,
            message: "consumed more than once"
        ),
        Mistake(
            testDescription: "A guard is not used after its release",
            imports: "LockPool",
            program: """
                func f(_ pool: LockPool<Int>) {
                    let lease = pool.tryGet()!
                    lease.release()
                    «mistake»print(lease.element)«»
                }
                """,
            message: "used after consume"
        ),
        Mistake(
            testDescription: "An element that is not Sendable does not leave withElement",
            imports: "LockPool",
            program: """
                final class Parser {}
                func f(_ pool: LockPool<Parser>) {
                    var lease = pool.tryGet()!
                    var kept: Parser?
                    «mistake»lease.withElement { kept = $0 }«»
                    «right»lease.withElement { _ in kept = nil }«»
                    lease.release()
                    print(kept as Any)
                }
                """,
            message: "cannot be task-isolated at end of function"
        ),
        Mistake(
            testDescription: "A closure that makes an element is not taken for a pool's onVacancy",
            imports: "LockPool",
            program: """
                final class Parser {}
                func f() {
                    let pool = «mistake»LockPool<Parser>(capacity: 4, maximumWaiters: 8) { Parser() }«»
                    «right»LockPool<Parser>(capacity: 4, maximumWaiters: 8)«»
                    print(pool)
                }
                """,
            message: "expects 1 argument"
        ),
        Mistake(
            testDescription: "A closure that makes an element is not taken for a fixed pool's onVacancy",
            imports: "LockPool",
            program: """
                final class Parser {}
                func f() {
                    let pool = «mistake»FixedLockPool<4, 8, Parser> { Parser() }«»
                    «right»FixedLockPool<4, 8, Parser> { _ in Parser() }«»
                    _ = pool.tryGet()
                }
                """,
            message: "argument"
        ),
        Mistake(
            testDescription: "An element that is not Sendable is not reached without withElement",
            imports: "LockPool",
            program: """
                final class Parser {}
                func f(_ pool: LockPool<Parser>) {
                    let lease = pool.tryGet()!
                    «mistake»print(lease.element)«»
                    lease.release()
                }
                """,
            message: "Sendable"
        ),
        Mistake(
            testDescription: "Asynchronous code does not block its thread",
            imports: "LockPool",
            program: """
                func f(_ pool: LockPool<Int>) async throws {
                    «mistake»let lease = try pool.getBlocking()«»
                    «right»let lease = try await pool.get()«»
                    lease.release()
                }
                """,
            message: "unavailable from asynchronous contexts"
        ),
        Mistake(
            testDescription: "A reservation is not fulfilled twice",
            imports: "LockPool",
            program: """
                func f(_ pool: LockPool<Int>) {
                    let place = pool.tryReserve()!
                    place.fulfill(1)
                    «mistake»place.fulfill(2)«»
                }
                """,
            message: "consumed more than once"
        ),
        Mistake(
            testDescription: "A connection does not leave the body that it is lent to by its result",
            imports: "ConnectionPooling",
            program: factory + """
                func f(_ pool: ConnectionPool<Factory>) async throws {
                    «mistake»let kept = try await pool.withConnection { connection in connection }«»
                    «right»let kept = try await pool.withConnection { connection in connection.number }«»
                    _ = consume kept
                }
                """,
            message: "borrowed and cannot be consumed"
        ),
        Mistake(
            testDescription: "A connection does not leave the body that it is lent to by an assignment",
            imports: "ConnectionPooling",
            program: factory + """
                func f(_ pool: ConnectionPool<Factory>) async throws {
                    var kept: Connection?
                    try await pool.withConnection { connection in
                        «mistake»kept = connection«»
                        «right»kept = nil«»
                    }
                    _ = kept
                }
                """,
            message: "is consuming"
        ),
        Mistake(
            testDescription: "A fixed pool is not a variable, which could be replaced under its guards",
            imports: "LockPool",
            program: """
                func f() {
                    «mistake»var pool = FixedLockPool<1, 0, Int>(repeating: 0)«»
                    «right»let pool = FixedLockPool<1, 0, Int>(repeating: 0)«»
                    pool.close()
                }
                """,
            message: "must be declared with a 'let'"
        ),
        Mistake(
            testDescription: "A fixed pool is not copied",
            imports: "LockPool",
            program: """
                func f() {
                    let pool = FixedLockPool<1, 0, Int>(repeating: 0)
                    let other = pool
                    «mistake»pool.close()«»
                    other.close()
                }
                """,
            message: "used after consume"
        ),
        Mistake(
            testDescription: "A connection is not given away by the body that it is lent to",
            imports: "ConnectionPooling",
            program: factory + """
                func keep(_ connection: consuming Connection) {}
                func f(_ pool: ConnectionPool<Factory>) async throws {
                    try await pool.withConnection { connection in
                        «mistake»keep(connection)«»
                        «right»print(connection.number)«»
                    }
                }
                """,
            message: "borrowed and cannot be consumed"
        ),
        Mistake(
            testDescription: "A lease is not used after its release",
            imports: "ConnectionPooling",
            program: factory + """
                func f(_ pool: ConnectionPool<Factory>) async throws {
                    let lease = try await pool.getOrCreate()
                    lease.release()
                    «mistake»print(lease.connection.number)«»
                }
                """,
            message: "used after consume"
        ),
        Mistake(
            testDescription: "A SQLite connection does not leave its body",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    «mistake»let kept: SQLiteConnection = try await pool.read { db in db }«»
                    «right»let kept = try await pool.read { db in try db.query("SELECT 1", as: Int.self) }«»
                    _ = consume kept
                }
                """,
            message: "conform to 'Copyable'"
        ),
        Mistake(
            testDescription: "A SQLite connection is not captured by what outlives its body",
            imports: "SQLitePooling",
            program: """
                func later(_ f: @escaping () throws -> Void) {}
                func f(_ pool: SQLitePool) async throws {
                    try await pool.write { (db: borrowing SQLiteConnection) in
                        «mistake»later { _ = try db.execute("DELETE FROM t") }«»
                        «right»_ = try db.execute("DELETE FROM t")«»
                    }
                }
                """,
            message: "'db' is borrowed and cannot be consumed"
        ),
        Mistake(
            testDescription: "A row does not leave its loop",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    try await pool.read { db in
                        var kept: SQLiteCursorRow?
                        try db.forEachRow("SELECT 1") { row in
                            «mistake»kept = row«»
                            «right»kept = nil«»
                        }
                        _ = kept
                    }
                }
                """,
            message: "is consuming"
        ),
        Mistake(
            testDescription: "The bytes of a value do not outlive their row",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    try await pool.read { db in
                        var kept = RawSpan()
                        try db.forEachRow("SELECT x'00'") { row in
                            «mistake»kept = try row.bytes(at: 0)«»
                            «right»print(try row.bytes(at: 0).byteCount)«»
                        }
                        print(kept.byteCount)
                        kept = RawSpan()
                    }
                }
                """,
            message: "lifetime-dependent"
        ),
        Mistake(
            testDescription: "The bytes of a value do not outlive the step to the next row",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    try await pool.read { db in
                        try db.withCursor("SELECT x'00'") { rows in
                            _ = try rows.next()
                            let bytes = try rows.row.bytes(at: 0)
                            «mistake»_ = try rows.next()«»
                            print(bytes.byteCount)
                        }
                    }
                }
                """,
            message: "overlapping accesses"
        ),
        Mistake(
            testDescription: "Rows that are walked do not leave their call",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    try await pool.read { db in
                        «mistake»var kept = try db.withCursor("SELECT 1") { rows in rows }«»
                        «right»let kept = try db.withCursor("SELECT 1") { rows in try rows.next() }«»
                        «mistake»_ = try kept.next()«»
                        «right»_ = kept«»
                    }
                }
                """,
            message: "conform to 'Copyable'"
        ),
        Mistake(
            testDescription: "A row that is walked to is not kept for longer than it is looked at",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    try await pool.read { db in
                        try db.withCursor("SELECT 1") { rows in
                            «mistake»let row = rows.row«»
                            «right»let row = try rows.row.decode(Int.self, at: 0)«»
                            _ = try rows.next()
                            _ = consume row
                        }
                    }
                }
                """,
            message: "is borrowed and cannot be consumed"
        ),
        Mistake(
            testDescription: "A string is not a statement with values either",
            imports: "SQLitePooling",
            program: """
                func f(_ text: String) -> SQLiteQuery {
                    «mistake»SQLiteQuery(text, named: ["id": 1])«»
                    «right»SQLiteQuery(unsafe: text, named: ["id": 1])«»
                }
                """,
            message: "missing argument label 'unsafe:'"
        ),
        Mistake(
            testDescription: "A string that was put together is not a statement",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool, name: String) async throws {
                    «mistake»let text = "DELETE FROM user WHERE name = '\\(name)'"«»
                    «right»let text: SQLiteQuery = "DELETE FROM user WHERE name = \\(name)"«»
                    _ = try await pool.execute(text)
                }
                """,
            message: "cannot convert value of type 'String' to expected argument type 'SQLiteQuery'"
        ),
        Mistake(
            testDescription: "What SQLite cannot store is not bound",
            imports: "SQLitePooling",
            program: """
                struct Point {}
                func f(_ pool: SQLitePool) async throws {
                    «mistake»let value = Point()«»
                    «right»let value = 7«»
                    _ = try await pool.execute("INSERT INTO t VALUES (\\(value))")
                }
                """,
            message: "does not conform to SQLiteEncodable"
        ),
        Mistake(
            testDescription: "SQLite binds no enumeration without a conformance, and the message says what to declare",
            imports: "SQLitePooling",
            program: """
                enum Size: String { case small }
                «right»extension Size: SQLiteEncodable {}«»
                func f(_ pool: SQLitePool) async throws {
                    _ = try await pool.execute("INSERT INTO t VALUES (\\(Size.small))")
                }
                """,
            message: "declare the conformance"
        ),
        Mistake(
            testDescription: "An array is not bound by SQLite, and the message names lists",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool, ids: [Int]) async throws {
                    «mistake»_ = try await pool.execute("DELETE FROM t WHERE id IN (\\(ids))")«»
                    «right»_ = try await pool.execute("DELETE FROM t WHERE id IN \\(list: ids)")«»
                }
                """,
            message: "IN \\(list: values)"
        ),
        Mistake(
            testDescription: "What PostgreSQL is not sent is not interpolated",
            imports: "PostgresPooling",
            program: """
                struct Point {}
                func f(_ pool: PostgresPool) async throws {
                    «mistake»let value: Point? = Point()«»
                    «right»let value: Int? = 7«»
                    _ = try await pool.execute("INSERT INTO t VALUES (\\(value))")
                }
                """,
            message: "does not conform to PostgresEncodable"
        ),
        Mistake(
            testDescription: "An enumeration without a conformance is not sent, and the message says what to declare",
            imports: "PostgresPooling",
            program: """
                enum Size: String { case small }
                «right»extension Size: PostgresEncodable {}«»
                func f(_ pool: PostgresPool) async throws {
                    _ = try await pool.execute("INSERT INTO t VALUES (\\(Size.small))")
                }
                """,
            message: "declare the conformance"
        ),
        Mistake(
            testDescription: "A substring is not sent, and the message names strings",
            imports: "PostgresPooling",
            program: """
                func f(_ pool: PostgresPool, name: Substring) async throws {
                    «mistake»_ = try await pool.execute("DELETE FROM t WHERE name = \\(name)")«»
                    «right»_ = try await pool.execute("DELETE FROM t WHERE name = \\(String(name))")«»
                }
                """,
            message: "interpolate String(value)"
        ),
        Mistake(
            testDescription: "A set is not sent, and the message names arrays",
            imports: "PostgresPooling",
            program: """
                func f(_ pool: PostgresPool, ids: Set<Int>) async throws {
                    «mistake»_ = try await pool.execute("DELETE FROM t WHERE id = ANY(\\(ids))")«»
                    «right»_ = try await pool.execute("DELETE FROM t WHERE id = ANY(\\(Array(ids)))")«»
                }
                """,
            message: "= ANY(\\(array))"
        ),
        Mistake(
            testDescription: "A body does not await",
            imports: "SQLitePooling",
            program: """
                func f(_ pool: SQLitePool) async throws {
                    «mistake»_ = try await pool.read { db in try await pool.query("SELECT 1", as: Int.self) }«»
                    «right»_ = try await pool.read { db in try db.query("SELECT 1", as: Int.self) }«»
                }
                """,
            message: "expecting synchronous function type"
        ),
    ]

    static let factory = """
        struct Connection: ~Copyable, Sendable { let number = 1 }
        struct Factory: ConnectionFactory {
            func connect() async throws -> Connection { Connection() }
            func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }
            func close(_ connection: consuming Connection) async {}
        }

        """

    @Test("The mistake does not compile, and its correction does", arguments: mistakes)
    func mistake(_ mistake: Mistake) async throws { try await check(mistake) }

    func check(_ mistake: Mistake) async throws {
        let wrong = try await Compiler.typecheck(mistake.source(.mistake), imports: mistake.imports)
        #expect(!wrong.succeeded)
        #expect(wrong.output.contains(mistake.message), "\(wrong.output)")
        let right = try await Compiler.typecheck(mistake.source(.right), imports: mistake.imports)
        #expect(right.succeeded, "\(right.output)")
    }
}

extension CompileFailureTests.Mistake {
    enum Form: String { case mistake, right }

    func source(_ form: Form) -> String {
        var source = program
        for (name, isKept) in [("mistake", form == .mistake), ("right", form == .right)] {
            source = source.replacing(try! Regex("«\(name)»(?<text>[^«]*)«»", as: (Substring, text: Substring).self)) {
                isKept ? String($0.output.text) : ""
            }
        }
        return source
    }
}
