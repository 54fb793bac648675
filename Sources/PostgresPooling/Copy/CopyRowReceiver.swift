// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

/// Decodes the rows of a `COPY` to the client in binary format.
@safe
@usableFromInline
final class CopyRowReceiver {
    private let receiver: CopyReceiver
    /// A result without rows that describes the columns.
    private var description: PostgresResult?
    private var types: [UInt32] = []
    private var columnCount = 0

    /// The message with the current row, and the part of it that is not decoded.
    private var message: CopyData?
    private var rest: UnsafeRawBufferPointer
    private var column = 0
    private var rowNumber = 0
    private var isHeaderRead = false

    init(_ source: CopySource) {
        receiver = CopyReceiver(source)
        unsafe rest = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    deinit { message?.free() }

    /// Moves to the next row, if it has arrived.
    @usableFromInline
    func takeBuffered() throws(PostgresError) -> Bool {
        while let data = try receiver.bufferedData() { if try read(data) { return true } }
        return false
    }

    /// Waits for the next row, and moves to it.
    ///
    /// - Parameter columnCount: The number of columns that the caller decodes.
    /// - Returns: Whether there is another row.
    @usableFromInline
    func takeNext(columnCount: Int, isolation: isolated (any Actor)?) async throws -> Bool {
        self.columnCount = columnCount
        while let data = try await receiver.nextData(begin) { if try read(data) { return true } }
        return false
    }

    /// Looks up the types of the columns, and sends the `COPY`.
    private func begin(
        _ session: Session,
        _ query: PostgresQuery,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> String {
        let copy: PostgresQuery = "COPY (\(sql: query)) TO STDOUT (FORMAT binary)"
        let text = try copy.textOfCopy()
        // Describes the rows and reads none.
        let description = try await session.run("SELECT * FROM (\(sql: query)) AS copied LIMIT 0", limit)
        guard description.columnCount == columnCount else {
            throw PostgresError(
                .columnCount,
                "the rows have \(description.columnCount) columns, but \(columnCount) were requested",
                sql: text,
                outcome: .notExecuted
            )
        }
        types = (0..<columnCount).map { description.columnType($0) }
        try await session.lookUp(types.filter { PostgresType(oid: $0).isUserDefined }, limit)
        description.domains = session.state.types.domains
        self.description = description
        _ = try await session.beginCopy(text, PGRES_COPY_OUT, limit)
        return text
    }

    /// Moves to the row of a message, and takes ownership of the message.
    ///
    /// - Returns: Whether it has a row. The first message may have only the header, and the last
    ///   one has the trailer.
    private func read(_ data: CopyData) throws(PostgresError) -> Bool {
        message?.free()
        message = data
        unsafe rest = data.bytes
        column = 0
        if !isHeaderRead {
            isHeaderRead = true
            try readHeader()
            if unsafe rest.isEmpty { return false }
        }
        let count = try integer(Int16.self)
        if count == CopyFormat.trailer { return false }
        rowNumber += 1
        guard Int(count) == columnCount else { throw malformed() }
        return true
    }

    private func readHeader() throws(PostgresError) {
        let signature = try unsafe bytes(CopyFormat.signature.count)
        guard unsafe signature.elementsEqual(CopyFormat.signature) else { throw malformed() }
        _ = try integer(Int32.self)
        _ = try unsafe bytes(Int(try integer(Int32.self)))
    }

    private func bytes(_ count: Int) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard count >= 0, unsafe count <= rest.count else { throw malformed() }
        defer { unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return unsafe UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    private func integer<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) throws(PostgresError) -> Number {
        try unsafe Number(bigEndian: bytes(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    private func malformed() -> PostgresError {
        receiver.stop()
        return PostgresError(.decoding, "row \(rowNumber): the bytes are not those of COPY", sql: receiver.sql)
    }
}

extension CopyRowReceiver {
    /// Decodes the current row.
    @inlinable
    func decode<each Column: PostgresDecodable>(
        _ types: repeat (each Column).Type
    ) throws(PostgresError) -> (repeat each Column) {
        do throws(PostgresError) {
            return (repeat try decodeNext(each types))
        } catch {
            throw stop(error)
        }
    }

    @inlinable
    @inline(__always)
    func decodeNext<Column: PostgresDecodable>(_: Column.Type) throws(PostgresError) -> Column {
        let cell = try nextCell()
        // The cell refers to the message and the description without retaining them.
        defer { withExtendedLifetime(self) {} }
        return try Column(cell: cell)
    }

    @usableFromInline
    func nextCell() throws(PostgresError) -> PostgresCell {
        let length = try integer(Int32.self)
        let content = try unsafe length == -1 ? nil : bytes(Int(length))
        defer { column += 1 }
        return unsafe PostgresCell(description!, column: column, type: types[column], content: content)
    }

    /// Ends the iteration with an error of the current row, which the message names.
    @usableFromInline
    func stop(_ error: PostgresError) -> PostgresError {
        receiver.stop()
        return PostgresError(
            error.code,
            "row \(rowNumber), \(error.message)",
            server: error.server,
            sql: receiver.sql,
            connectionIsGone: error.connectionIsGone,
            outcome: error.outcome
        )
    }
}
