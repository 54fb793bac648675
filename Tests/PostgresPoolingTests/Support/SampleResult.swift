// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolPQ
import Foundation

@testable import PostgresPooling

/// A result like libpq's for a server's answer, created without a server.
func sampleResult(
    _ columns: [(name: String, type: PostgresType)],
    _ rows: [[[UInt8]?]],
    sql: String? = nil
) -> PostgresResult {
    let handle = unsafe PQmakeEmptyPGresult(nil, PGRES_TUPLES_OK)!
    let names = unsafe columns.map { unsafe strdup($0.name)! }
    // libpq copies the names.
    defer { unsafe names.forEach { unsafe free($0) } }
    var attributes = unsafe columns.indices.map { index in
        unsafe PGresAttDesc(
            name: names[index],
            tableid: 0,
            columnid: 0,
            format: 1,
            typid: columns[index].type.oid,
            typlen: -1,
            atttypmod: -1
        )
    }
    precondition(unsafe PQsetResultAttrs(handle, Int32(columns.count), &attributes) != 0)
    for (row, values) in rows.enumerated() {
        for (column, value) in values.enumerated() {
            let length = Int32(value?.count ?? -1)
            var bytes = (value ?? []).map { CChar(bitPattern: $0) } + [0]
            precondition(unsafe PQsetvalue(handle, Int32(row), Int32(column), &bytes, length) != 0)
        }
    }
    return unsafe PostgresResult(handle, sql: sql)
}

/// Decodes one value.
func decode<Value: PostgresDecodable>(
    _ bytes: [UInt8]?,
    _ type: PostgresType,
    as _: Value.Type = Value.self
) throws(PostgresError) -> Value {
    try PostgresRows(sampleResult([("c", type)], [[bytes]]))[0].decode(Value.self, at: 0)
}

/// The message of the decoding error.
func message<Value: PostgresDecodable>(_ bytes: [UInt8]?, _ type: PostgresType, as _: Value.Type) -> String? {
    do throws(PostgresError) {
        _ = try decode(bytes, type, as: Value.self)
        return nil
    } catch {
        return error.code == .decoding ? error.message : "\(error)"
    }
}

/// The arguments of a parameter for libpq.
struct Argument: Equatable {
    var type: UInt32
    var format: Int32
    var bytes: [UInt8]?
}

func arguments(_ query: PostgresQuery) throws(PostgresError) -> [Argument] {
    try unsafe query.withArguments(sql: query.text) { count, types, values, lengths, formats in
        (0..<Int(count)).map { index in
            let bytes = unsafe values![index].map { value in
                unsafe Array(UnsafeRawBufferPointer(start: value, count: Int(lengths![index])))
            }
            return unsafe Argument(type: types![index], format: formats![index], bytes: bytes)
        }
    }
}

/// The arguments of a value for libpq.
func argument(_ value: some PostgresEncodable) throws(PostgresError) -> Argument {
    try arguments("SELECT \(value)")[0]
}
