// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Parameters whose values have other types than the server expects.
@Suite(.timeLimit(.minutes(10))) struct ParameterTypeTests {
    /// A statement, and its result as text, with values that differ between calls.
    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        let query: @Sendable (_ number: Int, _ table: String) -> PostgresQuery
        let answer: @Sendable (_ number: Int) -> String?
        var testDescription: String { name }
    }

    private static let identifier = "00112233-4455-6677-8899-aabbccddee0"

    static let examples: [Example] = [
        Example(name: "lpad") { n, _ in
            "SELECT lpad('7', \(n), '0')"
        } answer: {
            String(repeating: "0", count: $0 - 1) + "7"
        },
        Example(name: "three integers") { n, _ in
            "SELECT make_date(\(2026), \(n), \(28))::text"
        } answer: {
            "2026-0\($0)-28"
        },
        Example(name: "date + n") { n, _ in
            "SELECT (date '2026-01-01' + \(n))::text"
        } answer: {
            "2026-01-0\(1 + $0)"
        },
        Example(name: "jsonb -> n") { n, _ in
            "SELECT ('[10, 11, 12, 13, 14]'::jsonb -> \(n))::text"
        } answer: {
            "\(10 + $0)"
        },
        Example(name: "jsonb ->> n") { n, _ in
            "SELECT '[10, 11, 12, 13, 14]'::jsonb ->> \(n)"
        } answer: {
            "\(10 + $0)"
        },
        Example(name: "an integer beside a bigint") { n, _ in
            "SELECT repeat('x', \(n)) || \(n + 3_000_000_000)"
        } answer: {
            String(repeating: "x", count: $0) + "\($0 + 3_000_000_000)"
        },
        Example(name: "a bigint shifted") { n, _ in
            "SELECT (\(1) << \(n + 40))::text"
        } answer: {
            "\(1 << ($0 + 40))"
        },
        Example(name: "no integer") { n, _ in
            "SELECT lpad('7', \(Int?.none), '0')"
        } answer: { _ in
            nil
        },
        Example(name: "a text or null") { n, table in
            let name: String? = n == 1 ? nil : "name \(n)"
            return "SELECT count(*)::text FROM \(identifier: table) WHERE \(name) IS NULL OR name = \(name)"
        } answer: {
            $0 == 1 ? "4" : "1"
        },
        Example(name: "an enumeration or null") { n, table in
            let mood: String? = n == 1 ? nil : "sad"
            return "SELECT count(*)::text FROM \(identifier: table) WHERE \(mood) IS NULL OR mood = \(mood)"
        } answer: {
            $0 == 1 ? "4" : "2"
        },
        Example(name: "concat") { n, _ in
            "SELECT concat(\("a"), \(n), \(String?.none), \("b"))"
        } answer: {
            "a\($0)b"
        },
        Example(name: "format") { n, _ in
            "SELECT format('%s-%s', \("a"), \(n))"
        } answer: {
            "a-\($0)"
        },
        Example(name: "jsonb_build_object") { n, _ in
            "SELECT jsonb_build_object('name', \("Ada \(n)"), 'n', \(n))::text"
        } answer: {
            #"{"n": \#($0), "name": "Ada \#($0)"}"#
        },
        Example(name: "to_jsonb") { n, _ in
            "SELECT to_jsonb(\("Ada \(n)"))::text"
        } answer: {
            "\"Ada \($0)\""
        },
        Example(name: "two texts") { n, _ in
            "SELECT \("a") || \("\(n)")"
        } answer: {
            "a\($0)"
        },
        Example(name: "enumeration, uuid, inet, interval") { n, table in
            """
            SELECT count(*)::text FROM \(identifier: table)
            WHERE mood = \("happy") AND id = \("\(identifier)\(n)") AND address = \("10.0.0.\(n)") AND time = \("\(n) days")
            """
        } answer: {
            $0 % 2 == 0 ? "1" : "0"
        },
        Example(name: "uuids in an array") { n, table in
            let ids = ["\(identifier)\(n)", "\(identifier)9"]
            return "SELECT string_agg(name, ',') FROM \(identifier: table) WHERE id = ANY(\(ids))"
        } answer: {
            "name \($0)"
        },
        Example(name: "enumerations in an array, and a limit") { n, table in
            "SELECT count(*)::text FROM (SELECT FROM \(identifier: table) WHERE mood = ANY(\(["sad"])) LIMIT \(n)) AS x"
        } answer: {
            "\(min($0, 2))"
        },
        Example(name: "an empty array") { n, table in
            "SELECT count(*)::text FROM \(identifier: table) WHERE id = ANY(\([String]()))"
        } answer: { _ in
            "0"
        },
    ]

    private func withTable(_ body: (String) async throws -> Void) async throws {
        let name = "typed_\(UUID().uuidString.prefix(8).lowercased())"
        let server = try await TestServer.shared
        try await server.psql(
            """
            CREATE TYPE \(name)_mood AS ENUM ('sad', 'happy');
            CREATE TABLE \(name) (name text, mood \(name)_mood, id uuid, address inet, time interval);
            INSERT INTO \(name) SELECT 'name ' || n, CASE WHEN n % 2 = 0 THEN 'happy' ELSE 'sad' END::\(name)_mood,
                ('\(Self.identifier)' || n)::uuid, ('10.0.0.' || n)::inet, make_interval(days => n)
            FROM generate_series(1, 4) AS n;
            """
        )
        try await body(name)
        try await server.psql("DROP TABLE \(name); DROP TYPE \(name)_mood")
    }

    @Test("The server's types apply outside a transaction, on the first use and later", arguments: examples)
    func outside(_ example: Example) async throws {
        try await withTable { table in
            try await TestServer.shared.withPool { pool in
                for number in [1, 2, 3, 4] {
                    let answer = try await pool.query(example.query(number, table), as: String?.self)
                    #expect(answer == [example.answer(number)])
                }
            }
        }
    }

    @Test("The server's types apply in a transaction, which continues, and in streams", arguments: examples)
    func inside(_ example: Example) async throws {
        try await withTable { table in
            try await TestServer.shared.withPool { pool in
                for isStream in [false, true] {
                    try await pool.withTransaction { db in
                        for number in [1, 2, 3, 4] {
                            let query = example.query(number, table)
                            var answer: [String?] = []
                            if isStream {
                                for try await row in db.stream(query) {
                                    answer.append(try row.decode(as: String?.self))
                                }
                            } else {
                                answer = try await db.query(query, as: String?.self)
                            }
                            #expect(answer == [example.answer(number)])
                        }
                    }
                }
            }
        }
    }

    @Test("A stream finds the types outside a transaction", arguments: examples)
    func streams(_ example: Example) async throws {
        try await withTable { table in
            try await TestServer.shared.withPool { pool in
                try await pool.withConnection { db in
                    for number in [1, 2, 3] {
                        var answer: [String?] = []
                        for try await row in db.stream(example.query(number, table)) {
                            answer.append(try row.decode(as: String?.self))
                        }
                        #expect(answer == [example.answer(number)])
                    }
                }
            }
        }
    }

    @Test(
        "The server's types apply behind a transaction pooler",
        arguments: [TestPgBouncer.Version.system, .following]
    )
    func pooled(_ version: TestPgBouncer.Version) async throws {
        try await withTable { table in
            try await TestServer.shared.withPgBouncer(.transaction, version) { bouncer in
                try await bouncer.withPool { pool in
                    for example in Self.examples {
                        for number in [1, 2] {
                            let query = example.query(number, table)
                            try await equal(pool.query(query, as: String?.self), [example.answer(number)])
                            let answer = try await pool.withTransaction { db in
                                try await db.query(query, as: String?.self)
                            }
                            #expect(answer == [example.answer(number)])
                        }
                    }
                }
            }
        }
    }

    @Test("Arrays of texts are stored as arrays of other types")
    func storedArrays() async throws {
        try await withTable { table in
            try await TestServer.shared.withPool { pool in
                try await pool.withTransaction { db in
                    let type = table + "_mood"
                    try await db.execute("CREATE TEMP TABLE t (ids uuid[], moods \(identifier: type)[], texts text[])")
                    let ids = [Self.identifier + "1", Self.identifier + "2"]
                    let texts = [#"a "quoted" \ text"#, "", "NULL", "{x,y}", "é"]
                    for _ in 0..<3 {
                        try await db.execute("INSERT INTO t VALUES (\(ids), \(["sad", nil, "happy"]), \(texts))")
                    }
                    let stored = try await db.query(
                        "SELECT ids::text[], moods::text[], texts FROM t",
                        as: ([String], [String?], [String]).self
                    )
                    for row in stored { #expect(row.0 == ids && row.1 == ["sad", nil, "happy"] && row.2 == texts) }
                    #expect(stored.count == 3)
                }
            }
        }
    }

    @Test(
        "The literal of an array is read back unchanged",
        arguments: [
            [], [""], ["NULL", nil, "null"], [#"\"#, #"""#, #"\""#, ",", "{", "}", " a ", "\n", "é😀"],
        ] as [[String?]]
    )
    func literals(_ array: [String?]) async throws {
        try await TestServer.shared.withPool { pool in
            guard case .bytes(let bytes) = array.postgresParameter.content else { return }
            let literal = try #require(ArrayLiteral.text(of: bytes))
            try await equal(pool.query("SELECT \(literal)::text[]", as: [String?].self), [array])
        }
    }

    @Test(
        "A value that is not an array has no literal",
        arguments: [
            [], [0], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 1],
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 127, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 9],
        ] as [[UInt8]]
    )
    func malformedLiterals(_ bytes: [UInt8]) { #expect(ArrayLiteral.text(of: bytes) == nil) }

    @Test("A value that the server's type cannot represent fails with the parameter's number, and is never truncated")
    func tooLarge() async throws {
        try await TestServer.shared.withPool { pool in
            for number in [1, 2, 3] {
                let error = await postgresFailure {
                    try await pool.query("SELECT lpad(\("7"), \(3_000_000_000 + number), '0')")
                }
                #expect(error?.code == .encoding)
                #expect(error?.message.hasPrefix("parameter $2: the integer is out of the range") == true)
                #expect("\(error!)".contains("3000000") == false)
                try await equal(pool.query("SELECT lpad(\("7"), \(number), '0')", as: String.self).count, 1)
            }
        }
    }

    @Test("A statement that fails with all types fails with its own error, and aborts its transaction")
    func hopeless() async throws {
        try await TestServer.shared.withPool { pool in
            for _ in 0..<3 {
                let error = await postgresFailure { try await pool.query("SELECT no_such(\(1), \("a"), \(["b"]))") }
                #expect(error?.sqlState == .undefinedFunction)
                #expect(error?.message.contains("bigint, unknown, text[]") == true)
                let inside = await postgresFailure {
                    try await pool.withTransaction { db in
                        let error = await postgresFailure { try await db.query("SELECT no_such(\(1), \("a"))") }
                        #expect(error?.sqlState == .undefinedFunction)
                        _ = try await db.query("SELECT 1")
                    }
                }
                #expect(inside?.sqlState == .inFailedTransaction)
            }
        }
    }

    @Test("A statement that fails during execution keeps its types, and executes once")
    func runtime() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            try await pool.withConnection { db in
                try await db.executeScript(
                    """
                    CREATE TEMP SEQUENCE calls;
                    CREATE FUNCTION pg_temp.fails(n bigint) RETURNS int LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM nextval('calls'); RAISE undefined_function; END $$;
                    """
                )
                for call in 1...3 {
                    let error = await postgresFailure { try await db.query("SELECT pg_temp.fails(\(1))") }
                    #expect(error?.sqlState == .undefinedFunction)
                    try await equal(db.query("SELECT last_value FROM calls", as: Int.self), [call])
                }
            }
        }
    }

    @Test("Types that a connection has found are used by the others at once")
    func remembered() async throws {
        let (server, name) = (try await TestServer.shared, "remembered-\(UUID().uuidString.prefix(8))")
        func errors() throws -> Int {
            // Other tests make the server log texts in other encodings.
            String(decoding: try Data(contentsOf: URL(filePath: server.folder + "/log")), as: UTF8.self)
                .split(separator: "\n")
                .count { $0.contains(name) && $0.contains("ERROR") }
        }
        try await server.withPool(name: name) { pool in
            try await equal(pool.query("SELECT repeat('x', \(2))", as: String.self), ["xx"])
            let found = try errors()
            #expect(found > 0)
            try await pool.withConnection { first in
                try await pool.withConnection { second in
                    different(first.serverProcess, second.serverProcess)
                    try await equal(second.query("SELECT repeat('x', \(3))", as: String.self), ["xxx"])
                }
                try await equal(first.query("SELECT repeat('x', \(4))", as: String.self), ["xxxx"])
            }
            try equal(errors(), found)
        }
    }

    @Test("Values of different types share a prepared statement, and each is converted to its types")
    func sharedName() async throws {
        try await TestServer.shared.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            func repeated(_ count: some PostgresEncodable) async throws -> [String] {
                try await pool.query("SELECT repeat('x', \(count))", as: String.self)
            }
            for _ in 0..<3 { try await equal(repeated(Int32(2)), ["xx"]) }
            for _ in 0..<4 { try await equal(repeated(3), ["xxx"]) }
            for _ in 0..<3 { try await equal(repeated(Int32(1)), ["x"]) }
        }
    }

    @Test("A statement whose types the server accepts costs no further round trip outside a transaction")
    func unchanged() {
        var cache = StatementCache(capacity: 2)
        let query: PostgresQuery = "SELECT \(1), \("a")"
        guard case .send(nil) = cache.plan(.init(query), text: query.text) else {
            Issue.record("It is not sent at once.")
            return
        }
    }

    // MARK: Search

    private func proposals(_ declared: [UInt32], _ errors: [(PostgresError.SQLState, String)]) -> [[UInt32]?] {
        var search = TypeSearch(declared: declared)
        return errors.map { search.next(after: $0.0, $0.1) }
    }

    @Test("Integers and arrays are tried first, then texts, then all")
    func order() {
        let error: (PostgresError.SQLState, String) = ("42883", "function f(bigint, unknown, text[]) does not exist")
        let proposed = proposals([20, 0, 1009, 701], Array(repeating: error, count: 4))
        #expect(proposed == [[23, 0, 0, 701], [20, 25, 1009, 701], [23, 25, 0, 701], nil])
    }

    @Test("A parameter for which the server infers no type is a text, in any language")
    func determined() {
        let proposed = proposals(
            [0, 20, 0],
            [("42P18", "konnte Datentyp von Parameter $3 nicht ermitteln"), ("42P18", "… $1 …"), ("42883", "")]
        )
        #expect(proposed == [[0, 20, 25], [25, 20, 25], [25, 23, 25]])
        #expect(proposals([0], [("42P18", "$2")]) == [[25]])
        #expect(proposals([20], [("42P18", "$1")]) == [nil])
    }

    @Test("Errors of other kinds, and parameters of fixed types, end the search")
    func ended() {
        #expect(proposals([20], [("42P01", "")]) == [nil])
        #expect(proposals([23, 701, 16], [("42883", "")]) == [nil])
    }

    @Test(
        "A value that fits only the type that a function has now is sent with its own type",
        arguments: [false, true]
    )
    func widened(isInTransaction: Bool) async throws {
        let (server, name) = (try await TestServer.shared, "widened_\(isInTransaction)")
        try await server.psql("CREATE FUNCTION \(name)(n integer) RETURNS text LANGUAGE sql AS 'SELECT n::text'")
        try await server.withPool(.native, { $0.pool.maximumConnections = 1 }) { pool in
            func call(_ number: Int) async throws -> [String] {
                let query: PostgresQuery = "SELECT \(identifier: name)(\(number))"
                if !isInTransaction { return try await pool.query(query, as: String.self) }
                return try await pool.withTransaction { try await $0.query(query, as: String.self) }
            }
            let large = 3_000_000_000
            for number in 1...3 { try await equal(call(number), ["\(number)"]) }
            #expect(await postgresFailure { try await call(large) }?.code == .encoding)
            try await server.psql(
                """
                DROP FUNCTION \(name);
                CREATE FUNCTION \(name)(n bigint) RETURNS text LANGUAGE sql AS 'SELECT n::text'
                """
            )
            try await equal(call(large), ["\(large)"])
            try await equal(call(1), ["1"])
            try await equal(call(large), ["\(large)"])
        }
        try await server.psql("DROP FUNCTION \(name)")
    }
}
