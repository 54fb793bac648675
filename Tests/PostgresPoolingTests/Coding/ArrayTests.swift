// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ArrayTests {
    @Test("Multidimensional arrays match the server's, in both directions")
    func dimensions() async throws {
        try await TestServer.shared.withPool { pool in
            let numbers = [[1, 2, 3], [4, 5, 6]]
            let (same, text, count) = try await pool.query(
                "SELECT \(numbers), (\(numbers))::text, array_ndims(\(numbers))",
                as: ([[Int]], String, Int).self
            )[0]
            #expect(same == numbers && text == "{{1,2,3},{4,5,6}}" && count == 2)
            let cube = [[[1, nil]], [[3, 4]]] as [[[Int?]]]
            let (cubeSame, cubeText) = try await pool.query(
                "SELECT \(cube), (\(cube))::text",
                as: ([[[Int?]]], String).self
            )[0]
            #expect(cubeSame == cube && cubeText == "{{{1,NULL}},{{3,4}}}")
            let bytes: [[[UInt8]]] = [[[1], []], [[2, 3], [255]]]
            let (bytesSame, bytesType) = try await pool.query(
                "SELECT \(bytes), pg_typeof(\(bytes))::text",
                as: ([[[UInt8]]], String).self
            )[0]
            #expect(bytesSame == bytes && bytesType == "bytea[]")
            let texts = [["a", "b,\"}"], ["NULL", ""]]
            try await equal(pool.query("SELECT \(texts)", as: [[String]].self), [texts])
            let six = [[[[[[7]]]]]]
            try await equal(
                pool.query("SELECT \(six), (\(six))::text", as: ([[[[[[Int]]]]]], String).self)[0].1,
                "{{{{{{7}}}}}}"
            )
            try await equal(pool.query("SELECT \([[Int]]())", as: [[Int]].self), [[]])
            try await equal(pool.query("SELECT \([[Int]]?.none)", as: [[Int]]?.self), [nil])
            try await equal(pool.query("SELECT '{}'::int[]", as: [[Int32]].self), [[]])
        }
    }

    @Test("Random two-dimensional arrays round-trip and match the server's")
    func random() async throws {
        try await TestServer.shared.withPool { pool in
            for _ in 0..<60 {
                let (rows, columns) = (Int.random(in: 1...6), Int.random(in: 1...6))
                let array = (0..<rows).map { _ in
                    (0..<columns).map { _ in Bool.random() ? nil : Int32.random(in: -9...9) }
                }
                let expected =
                    "{"
                    + array.map { "{" + $0.map { $0.map(String.init) ?? "NULL" }.joined(separator: ",") + "}" }
                    .joined(separator: ",") + "}"
                let row = try await pool.query(
                    "SELECT \(array), (\(array))::text, (\(expected))::int[]",
                    as: ([[Int32?]], String, [[Int32?]]).self
                )[0]
                #expect(row.0 == array && row.1 == expected && row.2 == array)
            }
        }
    }

    @Test("The index of the first element is ignored")
    func lowerBounds() async throws {
        try await TestServer.shared.withPool { pool in
            try await equal(
                pool.query("SELECT '[2:3][-1:0]={{1,2},{3,4}}'::int[]", as: [[Int]].self),
                [[[1, 2], [3, 4]]]
            )
            try await equal(pool.query("SELECT '[0:1]={a,b}'::text[]", as: [String].self), [["a", "b"]])
        }
    }

    @Test("Arrays that PostgreSQL cannot represent fail before they are sent")
    func refusals() {
        #expect(refusal([[1, 2], [3]]) == "parameter $1: element 1 has other lengths than the elements before it")
        #expect(refusal([[], []] as [[Int]]) == "parameter $1: PostgreSQL has no arrays of empty arrays")
        #expect(refusal([[1], nil]) == "parameter $1: an array within an array cannot be NULL")
        #expect(refusal([[[[[[[1]]]]]]]) == "parameter $1: an array has at most 6 dimensions")
        #expect(refusal([["a"], ["a\0"]]) == "parameter $1: element 1: element 0: the text has a NUL character")
    }

    @Test("An array does not decode with another number of dimensions")
    func mismatches() async throws {
        try await TestServer.shared.withPool { pool in
            func message<Value: PostgresDecodable & Sendable>(_ query: PostgresQuery, _ type: Value.Type) async
                -> String?
            {
                let error = await postgresFailure { try await pool.query(query, as: type) }
                return error?.code == .decoding ? error?.message : nil
            }
            await equal(
                message("SELECT '{1}'::int[] AS a", [[Int]].self),
                "column “a” (index 0, type int4[]): the array has one dimension, and [[Int]] needs more"
            )
            await equal(
                message("SELECT '{{1}}'::int[] AS a", [Int].self),
                "column “a” (index 0, type int4[]): the array has 2 dimensions, and only one can be decoded"
            )
            await equal(message("SELECT '{{{1}}}'::int[]", [[Int]].self) != nil, true)
            await equal(message("SELECT '{{1,NULL}}'::int[]", [[Int]].self) != nil, true)
            await equal(
                message("SELECT 7 AS a", [[Int]].self),
                "column “a” (index 0, type int4): [[Int]] needs an array"
            )
            await equal(message("SELECT '{{a}}'::text[]", [[Int]].self) != nil, true)
        }
    }

    @Test("Damaged multidimensional arrays yield a value or an error, and never trap")
    func damaged() throws {
        for sample in [try argument([[1, 2], [3, 4]]), try argument([[["a"]], [["b"]]])] {
            let bytes = try #require(sample.bytes)
            for index in bytes.indices {
                for byte in [0, 1, 2, 6, 127, 128, 255] as [UInt8] {
                    var changed = bytes
                    changed[index] = byte
                    for damaged in [changed, Array(bytes[..<index])] {
                        _ = try? decode(damaged, PostgresType(oid: sample.type), as: [[Int]].self)
                        _ = try? decode(damaged, PostgresType(oid: sample.type), as: [[[String?]]].self)
                        _ = try? decode(damaged, PostgresType(oid: sample.type), as: [[[UInt8]]].self)
                    }
                }
            }
        }
    }
}
