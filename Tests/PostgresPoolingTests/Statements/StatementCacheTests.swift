// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct StatementCacheTests {
    private func query(_ text: String, _ types: [UInt32] = []) -> PostgresQuery {
        PostgresQuery(unsafe: text, parameters: types.map { .null(PostgresType(oid: $0)) })
    }

    private func key(_ text: String) -> StatementCache.Key { .init(query(text)) }

    /// Plans a statement, and follows the plan unless that fails.
    ///
    /// - Returns: A description of the plan, with the texts of the evicted statements.
    private func use(_ query: PostgresQuery, _ cache: inout StatementCache, fails: Bool = false) -> String {
        if cache.prepared(.init(query)) != nil { return "prepared" }
        switch cache.plan(.init(query), text: query.text) {
        case .send: return "once"
        case .check: return "check"
        case .execute: return "shared"
        case .prepare(let preparation):
            if !fails { cache.didPrepare(.init(query), preparation) }
            for name in preparation.evicting { cache.didDeallocate(name) }
            let texts = preparation.evicting.map { name in
                "abcdef".first { self.name("\($0)") == name }.map(String.init)!
            }
            return "prepare" + texts.map { " for \($0)" }.joined()
        }
    }

    private func use(_ text: String, _ cache: inout StatementCache) -> String { use(query(text), &cache) }

    private func name(_ text: String) -> String { StatementIdentity(text: text, types: []).name }

    @Test("A statement is sent unnamed once, prepared the second time, and then reused")
    func plan() {
        var cache = StatementCache(capacity: 2)
        let told = (0..<4).map { _ in use("a", &cache) }
        #expect(told == ["once", "prepare", "prepared", "prepared"])
        #expect(cache.isPrepared(key("a")) && !cache.isPrepared(key("b")))
        #expect(cache.prepared(key("a"))?.name == name("a"))
    }

    @Test("The same text with other types is another statement")
    func types() {
        var cache = StatementCache(capacity: 2)
        #expect(use(query("a", [20]), &cache) == "once")
        #expect(use(query("a", [25]), &cache) == "once")
        #expect(use(query("a", [20]), &cache) == "prepare")
        #expect(use(query("a", [25]), &cache) == "prepare")
        #expect(cache.prepared(.init(query("a", [20])))?.name != cache.prepared(.init(query("a", [25])))?.name)
    }

    @Test("A literal with other values is the same statement, and one with other words or types is not")
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
        for query in [one(3, "c"), elsewhere] {
            #expect(cache.prepared(.init(query))?.text == "SELECT $1 FROM t WHERE name = $2 AND a")
        }
        for query in others { #expect(cache.prepared(.init(query)) == nil) }
    }

    @Test("Literals compare by their bytes, whatever their addresses")
    func places() {
        // The compiler stores equal literals once. This one is stored in the value itself.
        func scalar<Literal: ExpressibleByUnicodeScalarLiteral>() -> Literal { "x" }
        let text: StaticString = scalar()
        #expect(!text.hasPointerRepresentation)
        let (one, other) = (PostgresQuery(stringLiteral: "x"), PostgresQuery(stringLiteral: text))
        #expect(StatementCache.Key(one).hashValue == StatementCache.Key(other).hashValue)
        var cache = StatementCache(capacity: 2)
        #expect([one, other, one].map { use($0, &cache) } == ["once", "prepare", "prepared"])
        #expect(cache.prepared(.init(PostgresQuery(stringLiteral: "y"))) == nil)
    }

    @Test("The least recently used statement is evicted, and must be used twice again")
    func eviction() {
        var cache = StatementCache(capacity: 2)
        for text in ["a", "b"] { for _ in 0..<2 { _ = use(text, &cache) } }
        #expect(use("a", &cache) == "prepared")
        #expect(use("c", &cache) == "once")
        #expect(use("c", &cache) == "prepare for b")
        #expect(use("a", &cache) == "prepared")
        #expect(use("b", &cache) == "once")
        #expect(use("b", &cache) == "prepare for c")
    }

    @Test("Statements that are used only once do not evict prepared ones")
    func onlyOnce() {
        var cache = StatementCache(capacity: 2)
        for text in ["a", "b"] { for _ in 0..<2 { _ = use(text, &cache) } }
        for number in 0..<100 { #expect(use("once \(number)", &cache) == "once") }
        #expect(use("a", &cache) == "prepared")
        #expect(use("b", &cache) == "prepared")
        // The cache keeps as many of them as prepared ones.
        #expect(use("once 99", &cache) == "prepare for a")
        #expect(use("once 97", &cache) == "once")
    }

    @Test("A statement whose preparation has failed is prepared on its next use")
    func failedPreparation() {
        var cache = StatementCache(capacity: 1)
        #expect(use(query("a"), &cache, fails: true) == "once")
        #expect(use(query("a"), &cache, fails: true) == "prepare")
        #expect(!cache.isPrepared(key("a")))
        #expect(use(query("a"), &cache, fails: true) == "prepare")
    }

    @Test("A statement that the server has lost is prepared on its next use")
    func forgotten() {
        var cache = StatementCache(capacity: 1)
        for _ in 0..<2 { _ = use("a", &cache) }
        let forgotten = (0..<2).map { _ in cache.forget(key("a"), isOutdated: false) }
        #expect(forgotten == [true, false] && !cache.isPrepared(key("a")))
        #expect(use("a", &cache) == "prepare")
        cache.removeAll()
        #expect(["a", "a"].map { use($0, &cache) } == ["once", "prepare"])
    }

    @Test("An outdated statement is deallocated before it is prepared again, and only where that may fail")
    func outdated() {
        var cache = StatementCache(capacity: 2)
        for text in ["a", "b"] { for _ in 0..<2 { _ = use(text, &cache) } }
        _ = cache.forget(key("a"), isOutdated: true)
        guard case .send = cache.plan(key("a"), text: "a", mayEvict: false) else {
            Issue.record("It is prepared although the server has it.")
            return
        }
        #expect(use("a", &cache) == "prepare for a")
        #expect(use("a", &cache) == "prepared")
    }

    @Test("The same text from other pieces is one statement on the server, and is evicted with it")
    func shared() {
        var cache = StatementCache(capacity: 2)
        let whole: PostgresQuery = "SELECT 1"
        let pieces: PostgresQuery = "SELECT \(sql: "1")"
        for query in [whole, pieces] { #expect(use(query, &cache) == "once") }
        #expect(use(whole, &cache) == "prepare")
        #expect(use(pieces, &cache) == "shared")
        #expect(use(pieces, &cache) == "prepared")
        for text in ["b", "c"] { for _ in 0..<2 { use(unchecked: text, &cache) } }
        #expect(!cache.isPrepared(.init(whole)) && !cache.isPrepared(.init(pieces)))
    }

    private func use(unchecked text: String, _ cache: inout StatementCache) {
        guard case .prepare(let preparation) = cache.plan(key(text), text: text) else { return }
        cache.didPrepare(key(text), preparation)
    }

    @Test("Statements use no more bytes than allowed, and a large one is not stored")
    func bytes() {
        func text(_ letter: Character, _ count: Int) -> String { String(repeating: letter, count: count) }
        var cache = StatementCache(capacity: 100, byteCapacity: 8_000)
        for _ in 0..<3 { #expect(use(text("l", 1_000), &cache) == "once") }
        let texts = (0..<20).map { text(Character(UnicodeScalar(UInt8(65 + $0))), 900) }
        for text in texts { #expect(use(text, &cache) == "once") }
        // The last eight are stored.
        #expect(use(texts[0], &cache) == "once")
        for text in texts.suffix(5) { #expect(use(text, &cache) == "prepare") }
        for text in texts.suffix(5) { #expect(use(text, &cache) == "prepared") }
        for text in texts.prefix(4) { for _ in 0..<2 { use(unchecked: text, &cache) } }
        #expect(texts.count { cache.isPrepared(key($0)) } == 8)
    }

    @Test("Nothing is prepared by name where that is not allowed, but used statements are still stored")
    func unnamed() {
        var cache = StatementCache(capacity: 2)
        cache.allowsNames = false
        for _ in 0..<4 { #expect(use("a", &cache) == "once") }
    }

    @Test("Types that must not be refused are checked once, unless another connection has checked them")
    func checked() {
        let resolved = ResolvedTypes()
        var caches = [StatementCache(capacity: 2, resolved: resolved), StatementCache(capacity: 2, resolved: resolved)]
        let query = query("a", [20])
        func plan(_ index: Int) -> String {
            switch caches[index].plan(.init(query), text: "a", isNamed: false, mustCheck: true) {
            case .send(let types): types.map { "\($0)" } ?? "send"
            case .check: "check"
            default: "other"
            }
        }
        #expect([plan(0), plan(0), plan(1)] == ["check", "check", "check"])
        caches[0].didResolve(.init(query), text: "a", types: [23])
        #expect(plan(0) == "[23]")
        caches[1] = StatementCache(capacity: 2, resolved: resolved)
        #expect(plan(1) == "[23]")
        caches[1].didFail(.init(query))
        #expect(plan(1) == "check")
    }

    @Test("Texts that only look alike are different statements")
    func exact() {
        var cache = StatementCache(capacity: 2)
        for _ in 0..<2 { _ = use("SELECT '\u{e9}'", &cache) }
        #expect(use("SELECT '\u{e9}'", &cache) == "prepared")
        #expect(use("SELECT 'e\u{301}'", &cache) == "once")
        #expect(use("SELECT 'e\u{301}'", &cache) == "prepare")
        #expect(use("SELECT '\u{e9}'", &cache) == "prepared")
    }

    @Test("No value of a parameter is stored")
    func noValues() {
        var cache = StatementCache(capacity: 2)
        let query: PostgresQuery = "SELECT \("a secret, longer than a small string")"
        for _ in 0..<2 { _ = use(query, &cache) }
        var texts = 0
        func look(_ value: Any) {
            if case .text? = value as? PostgresParameter.Content { texts += 1 }
            // Not the mirror of a parameter, which hides its value.
            for child in Mirror(reflecting: value).children { look(child.value) }
            if let parameter = value as? PostgresParameter { look(parameter.content) }
        }
        look(query.pieces)
        #expect(texts == 1)
        look(cache)
        #expect(texts == 1)
    }

    @Test("A cache without capacity prepares nothing")
    func noRoom() {
        var cache = StatementCache(capacity: 0)
        for _ in 0..<3 { #expect(use("a", &cache) == "once") }
    }
}
