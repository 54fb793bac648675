// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresCell {
    /// Decodes the fields of a value of a composite type, or of a `record`.
    ///
    /// ```swift
    /// struct Address: PostgresDecodable {
    ///     var street: String
    ///     var number: Int
    ///
    ///     init(cell: borrowing PostgresCell) throws(PostgresError) {
    ///         (street, number) = try cell.decodeFields(as: (String, Int).self)
    ///     }
    /// }
    /// ```
    ///
    /// - Parameter fields: The type of each field, in order, as a tuple.
    /// - Returns: The fields.
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is not a record with as
    ///   many fields, or if a field cannot be decoded.
    public func decodeFields<each Field: PostgresDecodable>(
        as fields: (repeat each Field).Type = (repeat each Field).self
    ) throws(PostgresError) -> (repeat each Field) {
        let parts = try parts()
        var count = 0
        for _ in repeat (each Field).self { count += 1 }
        guard count == parts.count else {
            throw mismatch("the value has \(parts.count) fields, but \(count) were requested")
        }
        var index = 0
        return (repeat try decode((each Field).self, parts, at: &index))
    }

    private func decode<Field: PostgresDecodable>(
        _: Field.Type,
        _ parts: [RecordPart],
        at index: inout Int
    ) throws(PostgresError) -> Field {
        defer { index += 1 }
        let part = parts[index]
        // The range lies within the value's bytes.
        let content = try unsafe part.range.map { range throws(PostgresError) in
            unsafe UnsafeRawBufferPointer(rebasing: try value(for: "a record")[range])
        }
        let cell = unsafe PostgresCell(.field(index), of: self, type: part.type, content: content)
        return try Field(cell: cell)
    }

    private func parts() throws(PostgresError) -> [RecordPart] {
        let bytes = try unsafe value(for: "a record")
        // In other well-known types the same bytes have another meaning.
        let isRecord = type == PostgresType(oid: 2249)
        guard isRecord || !type.isKnownScalar && !type.isArray else { throw mismatch("the type is not composite") }
        var reader = unsafe ByteReader(bytes)
        // Each field has at least a type and a length.
        guard let count = reader.integer(Int32.self), count >= 0, Int(count) <= reader.count / 8 else {
            throw mismatch("the bytes are not those of a composite type")
        }
        var parts: [RecordPart] = []
        for _ in 0..<count {
            guard let type = reader.integer(UInt32.self), let length = reader.integer(Int32.self) else {
                throw malformed
            }
            if length == -1 {
                parts.append(RecordPart(type: type, range: nil))
            } else {
                let start = bytes.count - reader.count
                guard unsafe reader.bytes(Int(length)) != nil else { throw malformed }
                parts.append(RecordPart(type: type, range: start..<start + Int(length)))
            }
        }
        guard reader.isAtEnd else { throw malformed }
        return parts
    }
}

/// The position of a field in the bytes of a composite value.
private struct RecordPart {
    let type: UInt32
    /// `nil` for `NULL`.
    let range: Range<Int>?
}
