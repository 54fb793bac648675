// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import SQLitePooling
import Testing

/// Queries with many steps of few instructions each. Each query ends only because it is stopped.
@Suite(.timeLimit(.minutes(10))) struct CheapRowTests {
    static let endless: SQLiteQuery = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"

    struct Number: Decodable, Sendable { var i: Int }

    @Test("A cancellation stops a query of endless cheap rows", arguments: [false, true])
    func cancellation(isDecodable: Bool) async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            let meeting = Rendezvous()
            let task = Task {
                try await pool.read { db in
                    meeting.arrive()
                    if isDecodable { return try db.query(Self.endless, decoding: Number.self).count }
                    return try db.query(Self.endless, as: Int.self).count
                }
            }
            await meeting.arrived()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let next = try await pool.query("SELECT 1", as: Int.self)
            #expect(next == [1])
            #expect(pool.statistics.readers.createdAndClosed == [1, 0])
        }
    }

    @Test("A deadline stops a query of endless cheap rows", arguments: [false, true])
    func deadline(isDecodable: Bool) async throws {
        try await withPool(SQLiteConfiguration.with(maximumReaders: 1)) { pool in
            // Opens the connection, because the deadline must not include that.
            _ = try await pool.query("SELECT 1", as: Int.self)
            let error = try await sqliteError {
                if isDecodable {
                    _ = try await pool.query(Self.endless, decoding: Number.self, timeout: .milliseconds(100))
                } else {
                    _ = try await pool.query(Self.endless, as: Int.self, timeout: .milliseconds(100))
                }
            }
            #expect(error.code == .timedOut)
            let next = try await pool.query("SELECT 1", as: Int.self)
            #expect(next == [1])
        }
    }

    @Test("A limit of bytes stops a query of endless cheap rows", arguments: [false, true])
    func resultBytes(isDecodable: Bool) async throws {
        var configuration = SQLiteConfiguration.with(maximumReaders: 1)
        configuration.limits.resultBytes = 1_600
        try await withPool(configuration) { pool in
            let error = try await sqliteError {
                if isDecodable {
                    _ = try await pool.query(Self.endless, decoding: Number.self)
                } else {
                    _ = try await pool.query(Self.endless, as: Int.self)
                }
            }
            #expect(error.code == .resultLimitExceeded)
        }
    }

    @Test("Texts of each length near a machine word are decoded, and fail if their last byte is not UTF-8")
    func textLengths() async throws {
        try await withPool { pool in
            for length in 0...40 {
                let text = String(repeating: "x", count: length)
                let found = try await pool.query("SELECT \(text)", as: String.self)
                #expect(found == [text])
                let accented = text + "é"
                let foundAccented = try await pool.query("SELECT \(accented), \("é" + text)", as: (String, String).self)
                #expect(foundAccented.first?.0 == accented)
                #expect(foundAccented.first?.1 == "é" + text)
                for bytes in [Array(text.utf8) + [0xFF], [0xFF] + Array(text.utf8)] {
                    let error = try await sqliteError {
                        _ = try await pool.query("SELECT CAST(\(bytes) AS TEXT)", as: String.self)
                    }
                    #expect(error.code == .decoding)
                }
            }
        }
    }
}
