// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// Notices as part of the results of the statements that have caused them.
@Suite(.timeLimit(.minutes(10))) struct NoticeTests {
    @Test("The notices of a statement arrive with its result, and with no other", arguments: PollerKind.allCases)
    func perStatement(_ poller: PollerKind) async throws {
        let all = Counted<String>()
        try await TestServer.shared.withPool(poller, { $0.onNotice = { all.add($0.message) } }) { pool in
            try await pool.withConnection { db in
                try await db.execute(
                    "CREATE FUNCTION pg_temp.noticing(n int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'n is %', n; RETURN n; END$$"
                )
                for number in 0..<4 {
                    let rows = try await db.query("SELECT pg_temp.noticing(\(number)::int4)")
                    try equal(rows.decode(as: Int.self), [number])
                    #expect(rows.notices.map(\.message) == ["n is \(number)"])
                    #expect(rows.command.notices == rows.notices)
                    try await equal(db.query("SELECT 1").notices, [])
                }
                let error = await postgresFailure {
                    try await db.query("SELECT pg_temp.noticing(7), pg_temp.noticing(8), 1 / (pg_temp.noticing(9) - 9)")
                }
                #expect(error?.sqlState == "22012")
                try await equal(db.execute("SELECT 1").notices, [])
                let done = try await db.execute("DO $$BEGIN RAISE WARNING 'a'; RAISE NOTICE 'b'; END$$")
                #expect(done.notices.map(\.severity) == ["WARNING", "NOTICE"] && done.tag == "DO")
            }
        }
        #expect(all.values == (0..<4).map { "n is \($0)" } + ["n is 7", "n is 8", "n is 9", "a", "b"])
    }

    @Test("Each statement of a pipeline or a script has its own notices")
    func together() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                try await db.execute(
                    "CREATE FUNCTION pg_temp.noting(n text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '%', n; RETURN n; END$$"
                )
                let results = try await db.withPipeline { pipeline in
                    let first = pipeline.query("SELECT pg_temp.noting('a')")
                    let second = pipeline.execute("SELECT 1")
                    pipeline.sync()
                    return (first, second, pipeline.query("SELECT pg_temp.noting('b'), pg_temp.noting('c')"))
                }
                try equal(results.0.get().notices.map(\.message), ["a"])
                try equal(results.1.get().notices, [])
                try equal(results.2.get().notices.map(\.message), ["b", "c"])
                let script = try await db.queryScript(
                    "SELECT pg_temp.noting('d'); SELECT 1; SELECT pg_temp.noting('e')"
                )
                #expect(script.map { $0.notices.map(\.message) } == [["d"], [], ["e"]])
            }
        }
    }

    @Test("The notices of one statement are kept up to 64 KiB, and all are reported")
    func bounded() async throws {
        let count = Counted<Bool>()
        try await TestServer.shared.withPool(.native, { $0.onNotice = { _ in count.add(true) } }) { pool in
            let done = try await pool.execute(
                "DO $$BEGIN FOR i IN 1..2000 LOOP RAISE NOTICE '% %', i, repeat('x', 1000); END LOOP; END$$"
            )
            #expect(!done.notices.isEmpty && done.notices.count * 2_000 <= 65_536)
            #expect(done.notices.enumerated().allSatisfy { $1.message.hasPrefix("\($0 + 1) x") })
            let huge = try await pool.execute(
                "DO $$BEGIN RAISE NOTICE '%', repeat('x', 1000000); RAISE NOTICE 'b'; END$$"
            )
            #expect(huge.notices == [] && count.values.count == 2_002)
        }
    }
}
