// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

/// Sends values and expects them to round-trip: each one, all in an array with `NULL`s around, in
/// a two-dimensional array, and in an empty one.
func expectRoundTrip<Value: PostgresArrayEncodable & PostgresArrayDecodable & Hashable & Sendable>(
    _ values: [Value],
    on pool: PostgresPool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    for value in values.prefix(100) {
        let row = try await pool.query("SELECT \(value), \(Value?.some(value))", as: (Value, Value?).self)
        #expect(row[0].0 == value && row[0].1 == value, sourceLocation: sourceLocation)
    }
    try await equal(pool.query("SELECT \(values)", as: [Value].self), [values], sourceLocation: sourceLocation)
    let gapped = [nil] + values.map(Optional.some) + [nil]
    try await equal(pool.query("SELECT \(gapped)", as: [Value?].self), [gapped], sourceLocation: sourceLocation)
    let square = [values, values.reversed()]
    try await equal(pool.query("SELECT \(square)", as: [[Value]].self), [square], sourceLocation: sourceLocation)
    let (nothing, empty) = (Value?.none, [Value]())
    try await equal(pool.query("SELECT \(nothing)", as: Value?.self), [nil], sourceLocation: sourceLocation)
    try await equal(pool.query("SELECT \(empty)", as: [Value].self), [[]], sourceLocation: sourceLocation)
}

/// Expects the server to read each value's description as the value, and to write the value as its
/// description.
func expectText<Value: PostgresArrayEncodable & PostgresArrayDecodable & Hashable & Sendable>(
    _ values: [Value],
    as type: String,
    on pool: PostgresPool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let texts = values.map { "\($0)" }
    let query = PostgresQuery(
        unsafe: "SELECT t::\(type), format('%s', v) FROM unnest($1::text[], $2) AS u (t, v)",
        parameters: [texts.postgresParameter, values.postgresParameter]
    )
    let rows = try await pool.query(query, as: (Value, String).self)
    #expect(rows.map(\.0) == values, sourceLocation: sourceLocation)
    #expect(rows.map(\.1) == texts, sourceLocation: sourceLocation)
}

/// The message of an error with the code `encoding` that prevents sending a value.
func refusal(_ value: some PostgresEncodable) -> String? {
    let error = #expect(throws: PostgresError.self) { try argument(value) }
    return error?.code == .encoding ? error?.message : nil
}
