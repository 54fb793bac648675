// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Owns a result of libpq: rows, or the fields of an error.
///
/// libpq does not change a result after it has returned it, so several threads may read it at
/// once. Only a stream replaces one, while it holds the only reference.
@safe
@usableFromInline
final class PostgresResult: @unchecked Sendable {
    // Unchecked, like the following properties: none changes while another thread has the result.
    @safe @exclusivity(unchecked) private var handle: OpaquePointer

    /// The mapping from columns to properties. The connection sets it before it returns the
    /// result.
    @safe @exclusivity(unchecked) var columnNames = PostgresConfiguration.ColumnNames.asWritten

    /// The text of the statement, for errors about its values.
    let sql: String?

    /// Whether the values are in text format.
    let isText: Bool

    /// The base types of the domains of arrays and composite types in the rows, as far as they
    /// have been looked up. Written before another thread has the result.
    @safe nonisolated(unsafe) var domains: [UInt32: UInt32] = [:]

    /// The notices that arrived with the result. Written before another thread has the result.
    @safe nonisolated(unsafe) var notices: [PostgresError.ServerFields] = []

    /// Takes ownership of `handle`, a `PGresult`.
    init(_ handle: OpaquePointer, sql: String? = nil) {
        unsafe self.handle = handle
        self.sql = sql
        unsafe isText = PQbinaryTuples(handle) == 0
    }

    deinit { unsafe PQclear(handle) }

    /// Frees the rows, and takes ownership of `handle` instead. The caller must hold the only
    /// reference.
    func replace(by handle: OpaquePointer) {
        unsafe PQclear(self.handle)
        unsafe self.handle = handle
    }

    var status: ExecStatusType { unsafe PQresultStatus(handle) }

    /// Whether the statement has failed, or is not supported.
    var isError: Bool {
        switch status {
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: true
        default: isCopy
        }
    }

    /// Whether the result begins a `COPY`.
    var isCopy: Bool {
        switch status {
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH: true
        default: false
        }
    }

    var rowCount: Int { Int(unsafe PQntuples(handle)) }
    var columnCount: Int { Int(unsafe PQnfields(handle)) }

    /// The object identifiers of the parameters' types, from the description of a prepared
    /// statement.
    var parameterTypes: [UInt32] { unsafe (0..<PQnparams(handle)).map { unsafe PQparamtype(handle, $0) } }

    /// Returns the name of a column in the statement. Bytes that are not UTF-8 are replaced.
    func columnName(_ column: Int) -> String {
        unsafe PQfname(handle, Int32(column)).map { unsafe String(cString: $0) } ?? ""
    }

    /// Returns the object identifier of a column's type, as the server reports it.
    func declaredType(_ column: Int) -> UInt32 { unsafe PQftype(handle, Int32(column)) }

    /// Returns the object identifier of the type that a column's values have here. A value in text
    /// format is a `text`, so that no decoder interprets it as the binary format of its type.
    func columnType(_ column: Int) -> UInt32 { isText ? PostgresType.text.oid : declaredType(column) }

    /// Returns the index of the first column whose name has the same bytes. A name that is not
    /// UTF-8 is never found.
    func column(named name: String) -> Int? {
        let length = name.utf8.count
        return unsafe name.withCString { wanted in
            (0..<columnCount).first { column in
                guard let name = unsafe PQfname(handle, Int32(column)) else { return false }
                return unsafe strlen(name) == length && memcmp(name, wanted, length) == 0
            }
        }
    }

    /// Returns the bytes of a value; `nil` for `NULL`. They are valid as long as the result
    /// exists.
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let (row, column) = (Int32(row), Int32(column))
        let count = Int(unsafe PQgetlength(handle, row, column))
        if count == 0, unsafe PQgetisnull(handle, row, column) != 0 { return nil }
        return unsafe UnsafeRawBufferPointer(start: PQgetvalue(handle, row, column), count: count)
    }

    /// The first value, of a result in text format; `nil` if there is none.
    var firstText: String? {
        guard rowCount > 0, let bytes = unsafe bytes(row: 0, column: 0) else { return nil }
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    /// The command tag, such as `UPDATE 3`.
    var commandTag: String { unsafe String(cString: PQcmdStatus(handle)) }

    /// The number of rows that the statement has returned or changed; 0 for other statements.
    var affectedRowCount: Int { unsafe PQcmdTuples(handle).map { unsafe Int(strtol($0, nil, 10)) } ?? 0 }

    /// Whether the statement is of a kind that returns rows, even none.
    var hasRows: Bool {
        switch status {
        case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: true
        default: false
        }
    }

    /// Whether the statement was a `SELECT` with rows, or one that changes rows, from the
    /// beginning of its tag. `CREATE TABLE AS` has the tag of `SELECT` but no rows.
    var isOrdinary: Bool {
        // A tag has at least its terminating zero. No byte after it is compared.
        guard let tag = unsafe PQcmdStatus(handle) else { return false }
        func begins(_ one: StaticString) -> Bool {
            unsafe tag[1] == CChar(bitPattern: one.utf8Start[1]) && tag[2] == CChar(bitPattern: one.utf8Start[2])
        }
        return switch unsafe UInt8(bitPattern: tag[0]) {
        case UInt8(ascii: "S"): begins("SEL") && hasRows
        case UInt8(ascii: "I"): begins("INS")
        case UInt8(ascii: "U"): begins("UPD")
        case UInt8(ascii: "D"): begins("DEL")
        default: false
        }
    }

    /// Returns a field of an error by its `PG_DIAG_…` code.
    func errorField(_ code: Character) -> String? {
        unsafe PQresultErrorField(handle, Int32(code.asciiValue!)).map { unsafe String(cString: $0) }
    }

    /// The whole message of an error.
    var errorMessage: String { unsafe String(cString: PQresultErrorMessage(handle)) }
}

extension PostgresResult {
    /// Throws unless there are as many columns as types.
    @inlinable
    func expect<each Column>(_: (repeat each Column).Type) throws(PostgresError) {
        var count = 0
        for _ in repeat (each Column).self { count += 1 }
        try expect(columnCount: count)
    }

    @usableFromInline
    func expect(columnCount count: Int) throws(PostgresError) {
        guard count == columnCount else {
            throw PostgresError(
                .columnCount,
                "the rows have \(columnCount) columns, but \(count) were requested",
                sql: sql
            )
        }
    }

    /// Decodes a row that has as many columns as there are types.
    @inlinable
    func decode<each Column: PostgresDecodable>(
        row: Int,
        as columns: (repeat each Column).Type
    ) throws(PostgresError) -> (repeat each Column) {
        var index = 0
        return (repeat try decode((each Column).self, row: row, at: &index))
    }

    @inlinable
    @inline(__always)
    func decode<Column: PostgresDecodable>(
        _: Column.Type,
        row: Int,
        at index: inout Int
    ) throws(PostgresError) -> Column {
        let cell = PostgresCell(self, row: row, column: index)
        defer { withExtendedLifetime(self) {} }
        index += 1
        return try Column(cell: cell)
    }
}
