// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct DecodableTests {
    enum Size: String, Decodable { case small, large }
    enum Colour: String, Decodable, PostgresArrayDecodable { case red, blue }

    struct Address: Decodable, Equatable {
        var city: String
        var zip: Int?
    }

    struct Item: Decodable, Equatable {
        var id: Int
        var name: String
        var size: Size?
        var colours: [Colour]
        var price: Decimal
        var weight: Double
        var ratio: Float
        var isNew: Bool
        var code: UInt16
        var count: Int32
        var serial: Int64
        var image: Data
        var key: UUID
        var made: Date
        var tags: [String]
        var words: [String]
        var address: Address
        var former: Address?
        var note: String?
        var limit: Int?
    }

    private static let key = UUID()

    private static let lamp = Item(
        id: 1,
        name: "lamp",
        size: .large,
        colours: [.red, .blue],
        price: Decimal(string: "19.5")!,
        weight: 0.25,
        ratio: 1.5,
        isNew: true,
        code: 200,
        count: 7,
        serial: 1 << 40,
        image: Data([1, 2, 3]),
        key: key,
        made: Date(timeIntervalSince1970: 1_772_280_000.25),
        tags: ["a", "b"],
        words: ["c"],
        address: Address(city: "Köln", zip: nil),
        former: nil,
        note: nil,
        limit: 3
    )

    private static let query: PostgresQuery =
        """
        SELECT 3 AS limit, NULL::text AS note, 'null'::jsonb AS former, '{"city": "Köln", "zip": null}'::json AS address,
            '["c"]'::jsonb AS words, ARRAY['a', 'b'] AS tags, \(lamp.made) AS made, \(key) AS key, '\\x010203'::bytea AS image,
            1099511627776 AS serial, 7::int8 AS count, 200::int4 AS code, true AS "isNew", 1.5::float4 AS ratio,
            0.25::float8 AS weight, 19.5 AS price, ARRAY['red', 'blue'] AS colours, 'large' AS size, 'lamp' AS name,
            1::int2 AS id, 'x' AS more
        FROM generate_series(1, 3)
        """

    @Test("A row decodes as a value whose properties have the names of the columns, in any order")
    func rows() async throws {
        try await TestServer.shared.withPool { pool in
            try await equal(pool.query(Self.query, decoding: Item.self), [Self.lamp, Self.lamp, Self.lamp])
            try await pool.withConnection { db in
                try await equal(db.query(Self.query, decoding: Item.self).count, 3)
                let rows = try await db.query(Self.query)
                #expect(try rows[1].decode(Item.self) == Self.lamp)
                #expect(try rows.decode(Item.self).last == Self.lamp)
            }
            try await equal(pool.query("SELECT 1 AS id WHERE false", decoding: Item.self), [])
        }
    }

    @Test("A stream decodes its rows one by one, and ends with the first decoding error")
    func streams() async throws {
        struct Number: Decodable { var n: Int8 }
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                var items: [Item] = []
                for try await item in db.stream(Self.query, decoding: Item.self) { items.append(item) }
                #expect(items == [Self.lamp, Self.lamp, Self.lamp])
                var count = 0
                let error = await postgresFailure {
                    for try await _ in db.stream("SELECT n FROM generate_series(1, 10000) AS n", decoding: Number.self)
                    {
                        count += 1
                    }
                }
                #expect(count == 127)
                #expect(error?.message == "column “n” (index 0, type int4): the number is out of the range of Int8")
                var iterator = db.stream("SELECT 1000 AS n", decoding: Number.self).makeAsyncIterator()
                #expect(await postgresFailure { _ = try await iterator.next() }?.code == .decoding)
                let further = try await iterator.next()
                #expect(further == nil)
                try await equal(db.query("SELECT 1", as: Int.self), [1])
            }
        }
    }

    @Test("Rows that a task keeps do not change while the stream continues")
    func keptRows() async throws {
        try await TestServer.shared.withPool { pool in
            try await pool.withConnection { db in
                var kept: [PostgresRow] = []
                for try await row in db.stream("SELECT n, 'row ' || n FROM generate_series(1, 1000) AS n") {
                    if try row.decode(Int.self, at: 0) % 3 == 0 { kept.append(row) }
                }
                let numbers = try kept.map { try $0.decode(as: (Int, String).self) }
                #expect(numbers.map(\.0) == Array(stride(from: 3, through: 999, by: 3)))
                #expect(numbers.allSatisfy { $0.1 == "row \($0.0)" })
            }
        }
    }

    @Test("A property without a column causes an error that names it, unless it is an optional that may be missing")
    func missingColumn() throws {
        struct Named: Decodable {
            var name: String
            var note: String?
        }
        let misspelt = PostgresRows(
            sampleResult([("name", .text), ("nota", .text)], [[[0x78], [0x79]]], sql: "SELECT")
        )
        let missing = #expect(throws: PostgresError.self) { try misspelt.decode(Named.self) }
        #expect(missing?.code == .columnCount && missing?.message == "there is no column “note”")
        #expect(missing?.sql == "SELECT")
        let values = try misspelt.decode(Named.self, missingColumns: .areNil)
        #expect(values.map(\.name) == ["x"] && values.map(\.note) == [nil])
        let unnamed = PostgresRows(sampleResult([("note", .text)], [[[0x78]]]))
        for missingColumns in [PostgresRow.MissingColumns.areErrors, .areNil] {
            let error = #expect(throws: PostgresError.self) {
                try unnamed.decode(Named.self, missingColumns: missingColumns)
            }
            #expect(error?.code == .columnCount && error?.message == "there is no column “name”")
        }
    }

    @Test(
        "A value that cannot be decoded causes an error that names the column, its index and its type but not the value"
    )
    func misfits() throws {
        struct Sized: Decodable { var size: Size }
        struct Aged: Decodable { var age: Int8 }
        struct Housed: Decodable { var address: Address }
        struct Listed: Decodable { var tags: [Int] }
        func error<Value: Decodable>(_ name: String, _ type: PostgresType, _ bytes: [UInt8]?, _: Value.Type) -> String?
        {
            let rows = PostgresRows(sampleResult([("other", .int2), (name, type)], [[nil, bytes]]))
            let error = #expect(throws: PostgresError.self) { try rows.decode(Value.self) }
            #expect(error?.code == .decoding)
            return error?.message
        }
        let secret = Array("hunter2".utf8)
        #expect(
            error("size", .text, secret, Sized.self)
                == "column “size” (index 1, type text): the property’s type cannot be decoded from it"
        )
        #expect(
            error("size", .text, nil, Sized.self)
                == "column “size” (index 1, type text): String cannot be NULL; decode an optional"
        )
        #expect(
            error("age", .text, secret, Aged.self)?.hasPrefix("column “age” (index 1, type text): Int8 needs") == true
        )
        #expect(
            error("age", .int4, nil, Aged.self)
                == "column “age” (index 1, type int4): Int8 cannot be NULL; decode an optional"
        )
        #expect(
            error("address", .text, secret, Housed.self)
                == "column “address” (index 1, type text): Address needs jsonb or json"
        )
        #expect(
            error("address", .jsonb, nil, Housed.self)
                == "column “address” (index 1, type jsonb): Address cannot be NULL; decode an optional"
        )
        let json = error("address", .json, Array(#"{"town": "hunter2"}"#.utf8), Housed.self)
        #expect(json?.contains("there is no key “city”") == true && json?.contains("hunter2") == false)
        #expect(error("tags", .json, Array(#"["hunter2"]"#.utf8), Listed.self)?.contains("hunter2") == false)
    }

    @Test("A property in camel case is decoded from the column in snake case if configured")
    func snakeCase() async throws {
        struct Person: Decodable, Equatable {
            var firstName: String
            var nameAtBirth: String
            var city: String?
        }
        let query: PostgresQuery = "SELECT 'Ada' AS first_name, 'L' AS name_at_birth, 'x' AS city"
        let ada = Person(firstName: "Ada", nameAtBirth: "L", city: "x")
        try await TestServer.shared.withPool(.native, { $0.columnNames = .convertFromSnakeCase }) { pool in
            try await equal(pool.query(query, decoding: Person.self), [ada])
            try await equal(pool.query(query)[0].decode(Person.self), ada)
            try await pool.withConnection { db in
                for try await person in db.stream(query, decoding: Person.self) { #expect(person == ada) }
                for try await row in db.stream(query) { #expect(try row.decode(Person.self) == ada) }
            }
        }
        try await TestServer.shared.withPool { pool in
            #expect(await postgresFailure { try await pool.query(query, decoding: Person.self) }?.code == .columnCount)
        }
    }

    @Test("Of several columns with one name the first is used, and names compare by their bytes")
    func names() throws {
        struct Value: Decodable { var a: Int }
        let rows = PostgresRows(sampleResult([("a", .int2), ("a", .text), ("A", .text)], [[[0, 1], [0x78], nil]]))
        #expect(try rows.decode(Value.self).map(\.a) == [1])
    }

    @Test("A class decodes its superclass from the same row, by its own decoder or by superDecoder()")
    func inheritance() throws {
        class Base: Decodable {
            var id: Int
            private enum CodingKeys: CodingKey { case id }
        }
        final class Derived: Base {
            var name: String
            private enum CodingKeys: CodingKey { case name }
            required init(from decoder: any Decoder) throws {
                name = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .name)
                try super.init(from: decoder)
            }
        }
        final class Nested: Base {
            required init(from decoder: any Decoder) throws {
                try super.init(from: decoder.container(keyedBy: CodingKeys.self).superDecoder())
            }
            private enum CodingKeys: CodingKey {}
        }
        let rows = PostgresRows(
            sampleResult([("id", .int2), ("name", .text)], [[[0, 1], [0x78]], [[0, 2], [0x79]]])
        )
        let values = try rows.decode(Derived.self)
        #expect(values.map(\.id) == [1, 2] && values.map(\.name) == ["x", "y"])
        #expect(try rows.decode(Nested.self).map(\.id) == [1, 2])
    }

    @Test("Keys created at run time, optionals in any order, and other containers decode")
    func ownDecoding() throws {
        struct Key: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { return nil }
        }
        struct Columns: Decodable {
            var values: [String: Int] = [:]
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                for key in container.allKeys where try !container.decodeNil(forKey: key) {
                    values[key.stringValue] = try container.decode(Int.self, forKey: key)
                }
                #expect(container.contains(Key(stringValue: "a")) && !container.contains(Key(stringValue: "z")))
            }
        }
        struct List: Decodable {
            init(from decoder: any Decoder) throws { _ = try decoder.unkeyedContainer() }
        }
        let rows = PostgresRows(sampleResult([("a", .int2), ("b", .int2)], [[[0, 1], nil], [[0, 3], [0, 4]]]))
        #expect(try rows.decode(Columns.self).map(\.values) == [["a": 1], ["a": 3, "b": 4]])
        let error = #expect(throws: PostgresError.self) { try rows.decode(List.self) }
        #expect(error?.code == .decoding && error?.message == "a row is not a list")
        let numbers = PostgresRows(sampleResult([("n", .int2)], [[[0, 1]], [nil]]))
        #expect(try numbers.decode(Int?.self) == [1, nil])
        #expect(throws: PostgresError.self) { try rows.decode(Int.self) }
    }

    @Test("Errors of a type's own decoding are thrown unchanged")
    func ownError() async throws {
        struct Refusal: Error, Equatable {}
        struct Picky: Decodable {
            init(from decoder: any Decoder) throws { throw Refusal() }
        }
        try await TestServer.shared.withPool { pool in
            #expect(await failure { try await pool.query("SELECT 1", decoding: Picky.self) } as? Refusal == Refusal())
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test(
        "A decoder or a container that a value has kept fails after its row, also during another query"
    )
    func keptDecoder() throws {
        struct Keeper: Decodable {
            enum Key: CodingKey { case x, y }
            let decoder: any Decoder
            let container: KeyedDecodingContainer<Key>
            init(from decoder: any Decoder) throws {
                self.decoder = decoder
                container = try decoder.container(keyedBy: Key.self)
                #expect(try container.decode(Int.self, forKey: .x) == 1)
            }
        }
        struct Reader: Decodable {
            nonisolated(unsafe) static var keeper: Keeper?
            var x: Int
            init(from decoder: any Decoder) throws {
                x = try decoder.container(keyedBy: Keeper.Key.self).decode(Int.self, forKey: .x)
                let error = #expect(throws: PostgresError.self) {
                    try unsafe Self.keeper?.container.decode(Int.self, forKey: .x)
                }
                #expect(error?.code == .decoding)
                let other = try unsafe Self.keeper?.decoder.container(keyedBy: Keeper.Key.self)
                #expect(throws: PostgresError.self) { try other?.decode(Int.self, forKey: .x) }
                #expect(other?.contains(.x) == false && other?.allKeys.isEmpty == true)
            }
        }
        let one = PostgresRows(sampleResult([("x", .int2)], [[[0, 1]]]))
        unsafe Reader.keeper = try one.decode(Keeper.self)[0]
        let others = PostgresRows(sampleResult([("y", .int2), ("x", .int2)], [[nil, [0, 2]], [nil, [0, 3]]]))
        #expect(try others.decode(Reader.self).map(\.x) == [2, 3])
        unsafe Reader.keeper = nil
    }

    @Test("A type that decodes itself from a row needs no names")
    func ownRow() async throws {
        struct Point: PostgresRowDecodable, Equatable {
            var x: Int
            var label: String?
            init(x: Int, label: String?) { (self.x, self.label) = (x, label) }
            init(row: borrowing PostgresRow) throws(PostgresError) {
                x = try row.decode(at: 0)
                label = try row.decode(named: "label")
            }
        }
        let query: PostgresQuery = "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v (x, label)"
        let points = [Point(x: 1, label: "a"), Point(x: 2, label: nil)]
        try await TestServer.shared.withPool { pool in
            try await equal(pool.query(query, as: Point.self), points)
            try await pool.withConnection { db in
                try await equal(db.query(query, as: Point.self), points)
                try await equal(db.query(query).decode(as: Point.self), points)
            }
            let error = await postgresFailure { try await pool.query("SELECT 'x', 'y' AS label", as: Point.self) }
            #expect(error?.code == .decoding)
        }
    }
}
