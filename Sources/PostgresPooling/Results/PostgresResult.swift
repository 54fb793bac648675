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

/// A result of libpq: rows, or an error's fields. Frees it at the end.
///
/// libpq does not change a result after it has given it out, so that it may be read from several threads at once. Only a stream
/// replaces one, when it has the only reference.
@safe
@usableFromInline
final class PostgresResult: @unchecked Sendable {
    // Unchecked, as what follows: neither changes while another thread has the result.
    @safe @exclusivity(unchecked) private var handle: OpaquePointer

    /// How columns are matched with properties. The connection sets it before it gives the result out.
    @safe @exclusivity(unchecked) var columnNames = PostgresConfiguration.ColumnNames.asWritten

    /// The text of the statement, for errors in its values.
    let sql: String?

    /// Whether the values are in text format.
    let isText: Bool

    /// The base types of the domains that arrays and composite types in the rows have, as far as they
    /// were looked up. Written before another thread has the result.
    @safe nonisolated(unsafe) var domains: [UInt32: UInt32] = [:]

    /// Takes over `handle`, a `PGresult`.
    init(_ handle: OpaquePointer, sql: String? = nil) {
        unsafe self.handle = handle
        self.sql = sql
        unsafe isText = PQbinaryTuples(handle) == 0
    }

    deinit { unsafe PQclear(handle) }

    /// Frees the rows, and takes over `handle` instead. The caller must have the only reference.
    func replace(by handle: OpaquePointer) {
        unsafe PQclear(self.handle)
        unsafe self.handle = handle
    }

    var status: ExecStatusType { unsafe PQresultStatus(handle) }

    /// Whether it says that the statement has failed, or is one that is not supported.
    var isError: Bool {
        switch status {
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: true
        default: isCopy
        }
    }

    /// Whether the server is to send or to get rows outside of results.
    var isCopy: Bool {
        switch status {
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH: true
        default: false
        }
    }

    var rowCount: Int { Int(unsafe PQntuples(handle)) }
    var columnCount: Int { Int(unsafe PQnfields(handle)) }

    /// The object identifiers of the parameters' types, of a prepared statement's description.
    var parameterTypes: [UInt32] { unsafe (0..<PQnparams(handle)).map { unsafe PQparamtype(handle, $0) } }

    /// The name of a column, as the statement gives it. Bytes that are not UTF-8 are replaced.
    func columnName(_ column: Int) -> String {
        unsafe PQfname(handle, Int32(column)).map { unsafe String(cString: $0) } ?? ""
    }

    /// The object identifier of a column's type, as the server tells it.
    func declaredType(_ column: Int) -> UInt32 { unsafe PQftype(handle, Int32(column)) }

    /// The object identifier of the type that a column's values have here: a value in text format is a
    /// `text`, so that no decoder takes it for the binary format of its type.
    func columnType(_ column: Int) -> UInt32 { isText ? PostgresType.text.oid : declaredType(column) }

    /// The index of the first column whose name has the same bytes. A name that is not UTF-8 is never found.
    func column(named name: String) -> Int? {
        let length = name.utf8.count
        return unsafe name.withCString { wanted in
            (0..<columnCount).first { column in
                guard let name = unsafe PQfname(handle, Int32(column)) else { return false }
                return unsafe strlen(name) == length && memcmp(name, wanted, length) == 0
            }
        }
    }

    /// The bytes of a value; `nil` for `NULL`. They live as long as the result.
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let (row, column) = (Int32(row), Int32(column))
        let count = Int(unsafe PQgetlength(handle, row, column))
        if count == 0, unsafe PQgetisnull(handle, row, column) != 0 { return nil }
        return unsafe UnsafeRawBufferPointer(start: PQgetvalue(handle, row, column), count: count)
    }

    /// The command tag, such as `UPDATE 3`.
    var commandTag: String { unsafe String(cString: PQcmdStatus(handle)) }

    /// Whether the statement was of a kind that has rows, if only none.
    var hasRows: Bool {
        switch status {
        case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: true
        default: false
        }
    }

    /// Whether the statement was a `SELECT` with rows, or one that changes rows, as its tag begins. `CREATE TABLE AS` has the tag of
    /// `SELECT` and no rows.
    var isOrdinary: Bool {
        // A tag has at least its terminating zero, and no byte behind it is compared.
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

    /// A field of an error, by its `PG_DIAG_…` code.
    func errorField(_ code: Character) -> String? {
        unsafe PQresultErrorField(handle, Int32(code.asciiValue!)).map { unsafe String(cString: $0) }
    }

    /// The whole message of an error.
    var errorMessage: String { unsafe String(cString: PQresultErrorMessage(handle)) }
}
