// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import SQLitePooling

/// Joined parts whose parameters have names and written numbers.
@Suite(.timeLimit(.minutes(10))) struct JoinedNumberTests {
    private let first = SQLiteQuery("SELECT :n", named: ["n": 1])

    private func expectError(_ query: SQLiteQuery, _ names: String...) async throws {
        try await withPool { pool in
            let error = try await sqliteError { _ = try await pool.query(query, as: Int.self) }
            #expect(error.code == .encoding)
            for name in names { #expect(error.message.contains("“\(name)”")) }
        }
    }

    @Test("A written number after a name of both parts is an error that has the name")
    func sharedName() async throws {
        let second: SQLiteQuery =
            ", \(sql: SQLiteQuery(":n", named: ["n": 1])), \("a"), \("b"), ?2"
        try await expectError(first + second, "n")
        try await expectError("\(sql: first)\(sql: second)", "n")
        try await expectError([first, second].joined(), "n")
    }

    @Test("A written number after a name with two prefixes is an error that has the name")
    func twoPrefixes() async throws {
        let both = SQLiteQuery("SELECT :n, @n, ':x', @x /* @x */", named: ["n": 1, "x": 2])
        try await expectError(both + SQLiteQuery(", ?1", values: 3), "n")
        try await expectError(first + SQLiteQuery(", @n, ?1", named: ["n": 1]), "n")
    }

    @Test("A written number keeps its value if the parts have different names, or no values of their own")
    func differentNames() async throws {
        try await withPool { pool in
            let second: SQLiteQuery = ", \(sql: SQLiteQuery(":m", named: ["m": 2])), \("a"), \("b"), ?2, ':n' || '?2'"
            let row = try await pool.queryFirst(first + second, as: (Int, Int, String, String, String, String).self)
            #expect(try #require(row) == (1, 2, "a", "b", "a", ":n?2"))
            let shared = try await pool.queryFirst(first + SQLiteQuery(", :n", named: ["n": 1]), as: (Int, Int).self)
            #expect(try #require(shared) == (1, 1))
        }
    }

    @Test("A number that refers to a name is raised, too")
    func numberOfName() async throws {
        try await withPool { pool in
            let query = "SELECT \(5), " + SQLiteQuery(":n, ?1", named: ["n": 1])
            let row = try await pool.queryFirst(query, as: (Int, Int, Int).self)
            #expect(try #require(row) == (5, 1, 1))
        }
    }
}
