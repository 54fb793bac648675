// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolSQLite
import ConnectionPooling
import Testing

@testable import SQLitePooling

extension AbandonmentTests {
    @Test("Every method with a timeout enforces it")
    func everyMethod() async throws {
        struct Row: Decodable { var x: Int }
        try await withTable { pool in
            let calls: [(Duration) async throws -> Void] = [
                { _ = try await pool.query("SELECT x, x FROM t", as: (Int, Int).self, timeout: $0) },
                { _ = try await pool.query("SELECT x FROM t", as: Int.self, timeout: $0) },
                { _ = try await pool.queryFirst("SELECT x, x FROM t", as: (Int, Int).self, timeout: $0) },
                { _ = try await pool.queryFirst("SELECT x FROM t", as: Int.self, timeout: $0) },
                { _ = try await pool.query("SELECT x FROM t", decoding: Row.self, timeout: $0) },
                { _ = try await pool.queryFirst("SELECT x FROM t", decoding: Row.self, timeout: $0) },
                { try await pool.execute("INSERT INTO t VALUES (1)", timeout: $0) },
                {
                    try await pool.writeWithoutTransaction(timeout: $0) { db in
                        _ = try db.execute("INSERT INTO t VALUES (1)")
                    }
                },
                { _ = try await pool.integrityCheck(timeout: $0) },
                { try await pool.backUp(to: pool.path + ".copy", timeout: $0) },
            ]
            for (index, call) in calls.enumerated() {
                await expectNoLeases(pool)
                let error = try await sqliteError { try await call(.zero) }
                #expect(error.code == .timedOut, "\(index)")
                await expectNoLeases(pool)
                try await call(.seconds(3_600))
            }
            #expect(try await pool.query("SELECT x FROM t", as: Int.self) == [1, 1])
        }
    }

    @Test("A call that has returned has no registered deadline")
    func returned() async throws {
        try await withTable { pool in
            let count = 1_000
            for _ in 0..<count { try await pool.read(timeout: .seconds(36_000)) { _ in } }
            // Other tests may have registered some.
            #expect(CallDeadlines.shared.count < count)
        }
    }

    @Test("Deadlines can be registered in any order, and a call that ends is removed")
    func deadlines() async throws {
        try await withTable { pool in
            let deadlines = CallDeadlines()
            func call(after timeout: Duration) -> Call {
                let deadline = ContinuousClock.now + timeout
                let caller = CallSite(#fileID, #line)
                let call = Call(on: pool.readers, .none, deadline: deadline, group: nil, for: caller, observed: nil) {
                    _ in
                }
                deadlines.insert(call, deadline)
                return call
            }
            let never = call(after: .seconds(36_000))
            let late = call(after: .milliseconds(2))
            let early = call(after: .zero)
            for call in [late, early] {
                await Resumption.wait { call.notify(.task($0)) }
                let error = #expect(throws: SQLiteError.self) { try call.checkOutcome() }
                #expect(error?.code == .timedOut)
            }
            #expect(deadlines.count == 1)
            deadlines.remove(never)
            #expect(deadlines.count == 0)
        }
    }
}
