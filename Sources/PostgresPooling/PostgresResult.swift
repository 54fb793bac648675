// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// A result of libpq: rows in binary format, or an error's fields. Frees it at the end.
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

    /// Takes over `handle`, a `PGresult`.
    init(_ handle: OpaquePointer, sql: String? = nil) {
        unsafe self.handle = handle
        self.sql = sql
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

    /// The name of a column, as the statement gives it.
    func columnName(_ column: Int) -> String {
        unsafe PQfname(handle, Int32(column)).map { unsafe String(cString: $0) } ?? ""
    }

    /// The object identifier of a column's type.
    func columnType(_ column: Int) -> UInt32 { unsafe PQftype(handle, Int32(column)) }

    /// The index of the first column with this name, exactly as it is written.
    func column(named name: String) -> Int? {
        (0..<columnCount).first { columnName($0) == name }
    }

    /// The bytes of a value in binary format; `nil` for `NULL`. They live as long as the result.
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let (row, column) = (Int32(row), Int32(column))
        if unsafe PQgetisnull(handle, row, column) != 0 { return nil }
        return unsafe UnsafeRawBufferPointer(
            start: PQgetvalue(handle, row, column),
            count: Int(PQgetlength(handle, row, column))
        )
    }

    /// The command tag, such as `UPDATE 3`.
    var commandTag: String { unsafe String(cString: PQcmdStatus(handle)) }

    /// Whether the statement was one of the usual ones, which change rows at most: its tag begins as theirs.
    var isOrdinary: Bool {
        // A tag has at least its terminating zero, and none of these is compared behind it.
        guard let tag = unsafe PQcmdStatus(handle) else { return false }
        return switch unsafe UInt8(bitPattern: tag[0]) {
        case UInt8(ascii: "S"):
            unsafe tag[1] == CChar(bitPattern: UInt8(ascii: "E")) && tag[2] == CChar(bitPattern: UInt8(ascii: "L"))
        case UInt8(ascii: "I"), UInt8(ascii: "U"): true
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
