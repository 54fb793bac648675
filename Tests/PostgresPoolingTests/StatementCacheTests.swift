// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite struct StatementCacheTests {
    private func query(_ text: String, _ types: [UInt32] = []) -> PostgresQuery {
        PostgresQuery(unsafe: text, parameters: types.map { .null(PostgresType(oid: $0)) })
    }

    private func key(_ text: String) -> StatementCache.Key { .init(query(text)) }

    /// Plans a statement, and does what the plan says unless that fails.
    ///
    /// - Returns: The plan, in some words.
    private func use(_ query: PostgresQuery, _ cache: inout StatementCache, fails: Bool = false) -> String {
        if let prepared = cache.prepared(.init(query)) { return "prepared \(prepared.name)" }
        guard let it = cache.preparation(.init(query), text: query.text) else { return "once" }
        if !fails { cache.didPrepare(.init(query), it) }
        return "prepare \(it.name)" + (it.evicting.map { " for \($0)" } ?? "")
    }

    private func use(_ text: String, _ cache: inout StatementCache) -> String { use(query(text), &cache) }

    @Test("A statement is sent as it is once, prepared the second time, and then there")
    func plan() {
        var cache = StatementCache(capacity: 2)
        let told = (0..<4).map { _ in use("a", &cache) }
        #expect(told == ["once", "prepare lockpool_1", "prepared lockpool_1", "prepared lockpool_1"])
        #expect(cache.isPrepared(key("a")) && !cache.isPrepared(key("b")))
    }

    @Test("The same text with other types is another statement")
    func types() {
        var cache = StatementCache(capacity: 2)
        #expect(use(query("a", [20]), &cache) == "once")
        #expect(use(query("a", [25]), &cache) == "once")
        #expect(use(query("a", [20]), &cache) == "prepare lockpool_1")
    }

    @Test("A literal with other values is the same statement, wherever it stands; with other words or types it is not")
    func literals() {
        func one(_ id: Int, _ name: String) -> PostgresQuery { "SELECT \(id) FROM t WHERE name = \(name) AND a" }
        let elsewhere: PostgresQuery = "SELECT \(7) FROM t WHERE name = \("x") AND a"
        let others: [PostgresQuery] = [
            "SELECT \(7) FROM t WHERE name = \("x") AND b", "SELECT \(7) FROM t WHERE name = \("x")",
            "SELECT \(true) FROM t WHERE name = \("x") AND a", "SELECT \(7), \(7) FROM t WHERE name = \("x") AND a",
            "\(7)SELECT  FROM t WHERE name = \("x") AND a",
        ]
        var cache = StatementCache(capacity: 9)
        for query in [one(1, "a"), one(2, "b")] { _ = use(query, &cache) }
        let prepared = StatementCache.Prepared(name: "lockpool_1", text: "SELECT $1 FROM t WHERE name = $2 AND a")
        for query in [one(3, "c"), elsewhere] { #expect(cache.prepared(.init(query)) == prepared) }
        for query in others { #expect(cache.prepared(.init(query)) == nil) }
    }

    @Test("A literal is known by its bytes, wherever they are")
    func places() {
        // The compiler keeps equal literals in one place. This one is in the value itself.
        func scalar<Literal: ExpressibleByUnicodeScalarLiteral>() -> Literal { "x" }
        let text: StaticString = scalar()
        #expect(!text.hasPointerRepresentation)
        let (one, other) = (PostgresQuery(stringLiteral: "x"), PostgresQuery(stringLiteral: text))
        #expect(StatementCache.Key(one).hashValue == StatementCache.Key(other).hashValue)
        var cache = StatementCache(capacity: 2)
        #expect([one, other, one].map { use($0, &cache) } == ["once", "prepare lockpool_1", "prepared lockpool_1"])
        #expect(cache.prepared(.init(PostgresQuery(stringLiteral: "y"))) == nil)
    }

    @Test("The statement that was not used for longest goes, and must come twice again")
    func eviction() {
        var cache = StatementCache(capacity: 2)
        for text in ["a", "b"] { for _ in 0..<2 { _ = use(text, &cache) } }
        #expect(use("a", &cache) == "prepared lockpool_1")
        #expect(use("c", &cache) == "once")
        #expect(use("c", &cache) == "prepare lockpool_3 for lockpool_2")
        #expect(use("a", &cache) == "prepared lockpool_1")
        #expect(use("b", &cache) == "once")
        #expect(use("b", &cache) == "prepare lockpool_4 for lockpool_3")
    }

    @Test("Statements that come only once take no place of those that are prepared")
    func onlyOnce() {
        var cache = StatementCache(capacity: 2)
        for text in ["a", "b"] { for _ in 0..<2 { _ = use(text, &cache) } }
        for number in 0..<100 { #expect(use("once \(number)", &cache) == "once") }
        #expect(use("a", &cache) == "prepared lockpool_1")
        #expect(use("b", &cache) == "prepared lockpool_2")
        // As many of them are remembered as there may be prepared ones.
        #expect(use("once 99", &cache) == "prepare lockpool_3 for lockpool_1")
        #expect(use("once 97", &cache) == "once")
    }

    @Test("A statement whose preparation has failed is prepared when it comes again, under another name")
    func failedPreparation() {
        var cache = StatementCache(capacity: 1)
        #expect(use(query("a"), &cache, fails: true) == "once")
        #expect(use(query("a"), &cache, fails: true) == "prepare lockpool_1")
        #expect(!cache.isPrepared(key("a")))
        #expect(use(query("a"), &cache, fails: true) == "prepare lockpool_2")
    }

    @Test("What is removed is forgotten, and leaves its place to another")
    func removal() {
        var cache = StatementCache(capacity: 1)
        for _ in 0..<2 { _ = use("a", &cache) }
        cache.remove(key("a"))
        #expect(!cache.isPrepared(key("a")))
        #expect(use("b", &cache) == "once")
        #expect(use("b", &cache) == "prepare lockpool_2")
        cache.removeAll()
        #expect(use("b", &cache) == "once")
        #expect(use("b", &cache) == "prepare lockpool_3")
    }

    @Test("Texts that only look alike are different statements")
    func exact() {
        var cache = StatementCache(capacity: 2)
        for _ in 0..<2 { _ = use("SELECT '\u{e9}'", &cache) }
        #expect(use("SELECT '\u{e9}'", &cache) == "prepared lockpool_1")
        #expect(use("SELECT 'e\u{301}'", &cache) == "once")
        #expect(use("SELECT 'e\u{301}'", &cache) == "prepare lockpool_2")
        #expect(use("SELECT '\u{e9}'", &cache) == "prepared lockpool_1")
    }

    @Test("No value of a parameter is kept")
    func noValues() {
        var cache = StatementCache(capacity: 2)
        let query: PostgresQuery = "SELECT \("a secret, longer than a small string")"
        for _ in 0..<2 { _ = use(query, &cache) }
        var texts = 0
        func look(_ value: Any) {
            if case .text? = value as? PostgresParameter.Content { texts += 1 }
            // Not the mirror that a parameter shows, which hides its value.
            for child in Mirror(reflecting: value).children { look(child.value) }
            if let parameter = value as? PostgresParameter { look(parameter.content) }
        }
        look(query.pieces)
        #expect(texts == 1)
        look(cache)
        #expect(texts == 1)
    }

    @Test("Without room nothing is prepared")
    func noRoom() {
        var cache = StatementCache(capacity: 0)
        for _ in 0..<3 { #expect(use("a", &cache) == "once") }
    }
}
