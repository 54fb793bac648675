// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Sends the rows of a `COPY` from the client.
///
/// Lent to the body of ``PostgresConnection/copy(to:columns:timeout:_:)``, from which it cannot
/// escape.
public struct PostgresCopyWriter: ~Copyable {
    @usableFromInline let rows: CopyRowSender

    init(_ rows: CopyRowSender) { self.rows = rows }

    /// The number of rows that were written so far.
    public var rowCount: Int { rows.rowCount }

    /// The number of bytes that were written so far.
    public var byteCount: Int { rows.sender.sentBytes + rows.sender.count }

    /// Writes a row.
    ///
    /// Rows are sent many at a time. Suspends while the server is slower than the caller.
    ///
    /// The values must fit the types of the columns as the server has them: whole numbers fit all
    /// integer types in whose range they are, `numeric`, and `double precision` if it represents
    /// them exactly; texts fit text types, enumerations, `json` and `jsonb`. Other values fit
    /// their own type only.
    ///
    /// - Parameter values: The value of each column, in order; an optional for `NULL`.
    /// - Throws: ``PostgresError`` with the code `encoding` or `columnCount` if a value does not
    ///   fit its column, which names the row and the column: the row is not written, and others
    ///   may follow. ``PostgresError`` if the server has ended the `COPY`, or the deadline has
    ///   passed; `CancellationError` if the task is cancelled. Nothing is stored then.
    @inlinable
    @inline(__always)
    public borrowing func write<each Value: PostgresEncodable>(_ values: repeat each Value) async throws {
        rows.beginRow()
        for value in repeat each values { rows.append(value.postgresParameter) }
        if try rows.endRow() { try await rows.flush() }
    }
}

@available(*, unavailable)
extension PostgresCopyWriter: Sendable {}

/// Writes rows in the binary format of `COPY`.
@usableFromInline
final class CopyRowSender {
    let sender: CopySender
    private var columns: CopyColumns
    private(set) var rowCount = 0

    /// The offset of the current row in the buffer, and its number of values.
    private var rowStart = 0
    private var valueCount = 0
    /// The reason why the current row cannot be written.
    private var obstacle: PostgresError?

    /// Begins the data with its header.
    init(_ sender: CopySender, _ columns: CopyColumns) {
        self.sender = sender
        self.columns = columns
        for byte in CopyFormat.header { sender.append(byte) }
    }

    @usableFromInline
    func beginRow() {
        rowStart = sender.count
        valueCount = 0
        sender.append(Int16(truncatingIfNeeded: columns.count))
    }

    /// Appends a value to the current row.
    @usableFromInline
    func append(_ parameter: PostgresParameter) {
        defer { valueCount += 1 }
        guard obstacle == nil, valueCount < columns.count else { return }
        let column = columns[valueCount]
        switch parameter.content {
        case .short(let first, let second, let count) where parameter.type.oid == column.base:
            sender.append(Int32(count))
            if count == 16 {
                sender.append(first)
                sender.append(second)
            } else {
                sender.append(upper: Int(count), of: first, second)
            }
        case .text(let text) where column.isTextual: append(text)
        case .bytes(let bytes) where parameter.type.oid == column.base && column.base != 0:
            append(bytes)
        case .null: sender.append(Int32(-1))
        default: appendConverted(parameter)
        }
    }

    private func append(_ bytes: [UInt8]) {
        guard bytes.count < Int(Int32.max) else { return fail("the value has more than 2,147,483,646 bytes") }
        sender.append(Int32(bytes.count))
        unsafe bytes.withUnsafeBytes { unsafe sender.append($0) }
    }

    private func append(_ text: String) {
        if text.hasNUL { return fail("the text has a NUL character") }
        var text = text
        guard text.utf8.count < Int(Int32.max) else { return fail("the value has more than 2,147,483,646 bytes") }
        text.withUTF8 { bytes in
            sender.append(Int32(bytes.count))
            unsafe sender.append(UnsafeRawBufferPointer(bytes))
        }
    }

    private func appendConverted(_ parameter: PostgresParameter) {
        let content = columns.content(of: parameter, for: valueCount)
        if let reason = content.obstacle { return fail(reason) }
        let count = content.byteCount
        sender.append(Int32(count))
        sender.reserve(count)
        unsafe content.write(to: UnsafeMutableRawBufferPointer(start: sender.start + sender.count, count: count))
        sender.count += count
    }

    private func fail(_ reason: String) {
        obstacle = PostgresError(
            .encoding,
            "row \(rowCount + 1), column “\(columns[valueCount].name)”: \(reason)",
            sql: sender.sql
        )
    }

    /// Ends the current row, or removes it if it cannot be written.
    ///
    /// - Returns: Whether the buffer should be sent.
    @usableFromInline
    func endRow() throws(PostgresError) -> Bool {
        if valueCount != columns.count {
            obstacle = PostgresError(
                .columnCount,
                "row \(rowCount + 1): the row has \(valueCount) values, and COPY \(columns.count) columns",
                sql: sender.sql,
                outcome: .notExecuted
            )
        }
        if let error = obstacle.take() {
            sender.count = rowStart
            throw error
        }
        rowCount += 1
        return sender.isFull
    }

    @usableFromInline
    func flush() async throws {
        do throws(PostgresError) { try await sender.flush() } catch { throw error.forCaller }
    }

    /// Sends the end of the data, and waits for the server's answer.
    ///
    /// - Returns: The number of rows.
    func finish() async throws(PostgresError) -> Int {
        sender.append(CopyFormat.trailer)
        return try await sender.finish()
    }
}

extension CopySender {
    /// Appends the first bytes of two numbers.
    fileprivate func append(upper byteCount: Int, of first: UInt64, _ second: UInt64) {
        reserve(16)
        unsafe (start + count).storeBytes(of: first.bigEndian, as: UInt64.self)
        unsafe (start + count + 8).storeBytes(of: second.bigEndian, as: UInt64.self)
        count += byteCount
    }
}

/// The binary format of `COPY`, apart from rows.
enum CopyFormat {
    static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xff] + Array("\r\n\0".utf8)

    /// The signature, no flags, and no extension.
    static let header = signature + [0, 0, 0, 0, 0, 0, 0, 0]

    /// In place of the number of a row's columns.
    static let trailer: Int16 = -1
}
