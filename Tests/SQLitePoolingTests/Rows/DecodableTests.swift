// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SQLitePooling
import Testing

@Suite(.timeLimit(.minutes(10))) struct DecodableTests {
    enum Size: String, Decodable { case small, large }

    struct Item: Decodable, Equatable, Sendable {
        var id: Int
        var name: String
        var size: Size?
        var price: Double
        var isNew: Bool
        var code: UInt8
        var image: Data
        var key: UUID
        var made: Date
        var note: String?
    }

    private func withItems(_ body: (SQLitePool) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.execute(
                """
                CREATE TABLE item (
                    id INTEGER PRIMARY KEY, name TEXT, size TEXT, price REAL, isNew BOOLEAN, code INTEGER, image BLOB, key TEXT,
                    made TEXT, note TEXT
                )
                """
            )
            try await body(pool)
        }
    }

    private let lamp = Item(
        id: 1,
        name: "lamp",
        size: .large,
        price: 19.5,
        isNew: true,
        code: 200,
        image: Data([1, 2, 3]),
        key: UUID(),
        made: Date(timeIntervalSince1970: 1_772_280_000.25),
        note: nil
    )

    private func insert(_ item: Item, _ pool: SQLitePool) async throws {
        try await pool.execute(
            """
            INSERT INTO item VALUES (
                \(item.id), \(item.name), \(item.size?.rawValue), \(item.price), \(item.isNew), \(item.code), \(item.image),
                \(item.key), \(item.made), \(item.note)
            )
            """
        )
    }

    @Test("A row is decoded as a value whose properties have the names of the columns, in any order")
    func rows() async throws {
        try await withItems { pool in
            var desk = lamp
            (desk.id, desk.size, desk.key) = (2, nil, UUID())
            try await insert(lamp, pool)
            try await insert(desk, pool)
            #expect(try await pool.query("SELECT * FROM item ORDER BY id", decoding: Item.self) == [lamp, desk])
            let sql: SQLiteQuery =
                "SELECT note, made, key, image, code, isNew, price, size, name, id, 'x' AS more FROM item WHERE id = 2"
            #expect(try await pool.queryFirst(sql, decoding: Item.self) == desk)
            #expect(try await pool.queryFirst("SELECT * FROM item WHERE id = 3", decoding: Item.self) == nil)
            let streamed = try await pool.read { db in
                var items: [Item] = []
                try db.forEachRow("SELECT * FROM item ORDER BY id") { row in items.append(try row.decode(Item.self)) }
                return items
            }
            #expect(streamed == [lamp, desk])
        }
    }

    @Test("A property without a column is an error that names it, unless it is an optional that may be missing")
    func missingColumn() async throws {
        struct Named: Decodable, Sendable {
            var name: String
            var note: String?
        }
        try await withPool { pool in
            let misspelt: SQLiteQuery = "SELECT 'x' AS name, 'y' AS nota"
            let missing = try await sqliteError { _ = try await pool.queryFirst(misspelt, decoding: Named.self) }
            #expect(missing.code == .columnCount && missing.message == "there is no column “note”")
            #expect(missing.sql == misspelt.text)
            let value = try await pool.queryFirst(misspelt, decoding: Named.self, missingColumns: .areNil)
            #expect(value?.name == "x" && value?.note == nil)
            let null = try await pool.query("SELECT 'x' AS name, NULL AS note", decoding: Named.self)
            #expect(null.map(\.note) == [nil])
            for missingColumns in [SQLiteRow.MissingColumns.areErrors, .areNil] {
                let error = try await sqliteError {
                    _ = try await pool.query("SELECT 1 AS note", decoding: Named.self, missingColumns: missingColumns)
                }
                #expect(error.code == .columnCount && error.message == "there is no column “name”")
            }
        }
    }

    @Test("A value that does not fit is an error that names the column, its index and both types, and not the value")
    func misfits() async throws {
        struct Sized: Decodable, Sendable { var size: Size }
        struct Aged: Decodable, Sendable { var age: Int8 }
        struct Listed: Decodable, Sendable { var tags: [String] }
        try await withPool { pool in
            try await pool.execute("CREATE TABLE t (size VARCHAR, age INTEGER)")
            try await pool.execute("INSERT INTO t VALUES ('hunter2', 4711)")
            let size = try await sqliteError { _ = try await pool.query("SELECT 1, size FROM t", decoding: Sized.self) }
            #expect(
                size.message
                    == "column “size” (index 1, declared VARCHAR, stored TEXT): the property’s type does not accept it"
            )
            #expect(!"\(size)".contains("hunter2"))
            let age = try await sqliteError { _ = try await pool.query("SELECT age FROM t", decoding: Aged.self) }
            #expect(
                age.message
                    == "column “age” (index 0, declared INTEGER, stored INTEGER): the number is out of the range of Int8"
            )
            let null = try await sqliteError { _ = try await pool.query("SELECT NULL AS age", decoding: Aged.self) }
            #expect(null.message.hasPrefix("column “age” (index 0, declared without a type, stored NULL)"))
            for tags: SQLiteQuery in [
                "SELECT '[\"hunter2\", 1]' AS tags", "SELECT 'hunter2' AS tags", "SELECT 1 AS tags",
            ] {
                let error = try await sqliteError { _ = try await pool.query(tags, decoding: Listed.self) }
                #expect(error.code == .decoding && error.message.contains("“tags”"))
                #expect(!error.message.contains("hunter2"))
            }
        }
    }

    @Test("An error of a type's own decoding is thrown unchanged")
    func ownError() async throws {
        struct Refusal: Error, Equatable {}
        struct Picky: Decodable, Sendable {
            init(from decoder: any Decoder) throws { throw Refusal() }
        }
        try await withPool { pool in
            await #expect(throws: Refusal()) { _ = try await pool.query("SELECT 1", decoding: Picky.self) }
            let next = try await pool.query("SELECT 1", as: Int.self)
            #expect(next == [1])
        }
    }

    @Test("A decoder that a value has kept throws after the end of its row")
    func keptDecoder() async throws {
        struct Keeper: Decodable {
            let decoder: any Decoder
            init(from decoder: any Decoder) { self.decoder = decoder }

            struct Key: CodingKey {
                let stringValue = "x"
                var intValue: Int? { nil }
                init() {}
                init?(stringValue: String) { return nil }
                init?(intValue: Int) { return nil }
            }
        }
        try await withPool { pool in
            let isRefused = try await pool.read { db in
                let keeper = try db.queryFirst("SELECT 1 AS x", decoding: Keeper.self)
                let container = try keeper?.decoder.container(keyedBy: Keeper.Key.self)
                let error = #expect(throws: SQLiteError.self) { try container?.decode(Int.self, forKey: Keeper.Key()) }
                return error?.code == .decoding
            }
            #expect(isRefused)
        }
    }

    @Test("A container that a value has kept throws during another query, whose memory it may share")
    func keptContainer() async throws {
        enum Key: CodingKey { case x, y }
        struct Keeper: Decodable {
            let container: KeyedDecodingContainer<Key>
            init(from decoder: any Decoder) throws {
                container = try decoder.container(keyedBy: Key.self)
                #expect(try container.decode(Int.self, forKey: .x) == 1)
            }
        }
        struct Reader: Decodable {
            var x: Int
            var decoder: any Decoder
            init(from decoder: any Decoder) throws {
                x = try decoder.container(keyedBy: Key.self).decode(Int.self, forKey: .x)
                self.decoder = decoder
            }
        }
        try await withPool { pool in
            let codes = try await pool.read { db in
                let kept = try db.queryFirst("SELECT 1 AS x", decoding: Keeper.self)
                let container = try #require(kept).container
                var codes: [SQLiteError.Code?] = []
                try db.forEachRow("SELECT 0 AS y, 2 AS x UNION SELECT 0, 3") { row in
                    let reader = try row.decode(Reader.self)
                    let other = try reader.decoder.container(keyedBy: Key.self)
                    for container in [container, other] {
                        let error = #expect(throws: SQLiteError.self) { try container.decode(Int.self, forKey: .x) }
                        codes.append(error?.code)
                        #expect(!container.contains(.x) && container.allKeys.isEmpty)
                    }
                }
                return codes
            }
            #expect(codes == [.decoding, .decoding, .decoding, .decoding])
        }
    }

    @Test("A class and its superclass have separate keys, and keys may have no size or be created at run time")
    func keys() async throws {
        class Base: Decodable {
            var id: Int
            private enum CodingKeys: CodingKey { case id }
        }
        final class Derived: Base {
            var name: String
            private enum CodingKeys: CodingKey { case name }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                name = try container.decode(String.self, forKey: .name)
                try super.init(from: container.superDecoder())
            }
        }
        struct Key: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { return nil }
        }
        struct Columns: Decodable {
            var values: [String: String] = [:]
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                for key in container.allKeys.reversed() {
                    values[key.stringValue] = try container.decodeIfPresent(String.self, forKey: key)
                }
            }
        }
        try await withPool { pool in
            let (names, columns) = try await pool.read { db in
                let sql: SQLiteQuery = "SELECT 1 AS id, 'x' AS name UNION ALL SELECT 2, 'y'"
                let names = try db.query(sql, decoding: Derived.self).map { "\($0.id)\($0.name)" }
                return (
                    names, try db.query("SELECT 'a' AS p, NULL AS q, 'b' AS r", decoding: Columns.self).map(\.values)
                )
            }
            #expect(names == ["1x", "2y"])
            #expect(columns == [["p": "a", "r": "b"]])
        }
    }

    @Test("Columns that a schema change adds between two runs are decoded")
    func schemaChange() async throws {
        struct Row: Decodable, Equatable, Sendable {
            var a: Int
            var b: Int?
        }
        try await withPool { pool in
            let rows = try await pool.write { db in
                try db.execute("CREATE TABLE t (a)")
                try db.execute("INSERT INTO t VALUES (1)")
                let before = try db.query("SELECT * FROM t", decoding: Row.self, missingColumns: .areNil)
                try db.execute("ALTER TABLE t ADD COLUMN b DEFAULT 2")
                return before + (try db.query("SELECT * FROM t", decoding: Row.self))
            }
            #expect(rows == [Row(a: 1, b: nil), Row(a: 1, b: 2)])
        }
    }
}
