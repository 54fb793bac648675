// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Nested arrays are arrays of several dimensions. In PostgreSQL, all inner arrays of an array have
// the same lengths, and byte arrays within arrays are `bytea`.

extension Array: PostgresArrayEncodable where Element: PostgresArrayEncodable {
    /// The type of an array of the elements, which is the same for each number of dimensions;
    /// `bytea[]` for bytes.
    public static var postgresArrayType: PostgresType {
        Element.self == UInt8.self ? PostgresType.bytea.arrayType : Element.postgresArrayType
    }

    /// Returns an array with one dimension more than its elements.
    ///
    /// Sending it fails with the code `encoding` if its elements have different lengths or none,
    /// or if it has more than 6 dimensions.
    public static func postgresParameter(of array: [[Element]]) -> PostgresParameter {
        if Element.self == UInt8.self { return oneDimension(array) }
        guard let first = array.first else { return Element.postgresParameter(of: []) }
        let outer = Int32(truncatingIfNeeded: array.count)
        switch Element.postgresParameter(of: first).content {
        case .structure: return structures(array, outer)
        default: return bytes(array, outer)
        }
    }

    /// Concatenates the elements' bytes after one header.
    private static func bytes(_ array: [[Element]], _ outer: Int32) -> PostgresParameter {
        var (bytes, header) = ([UInt8](), [UInt8]())
        for (index, inner) in array.enumerated() {
            let content = Element.postgresParameter(of: inner).content
            guard case .bytes(let part) = content else {
                return .failure("element \(index): \(content.obstacle ?? "it is not an array")")
            }
            // The number of dimensions, the flag and the type are followed by 8 bytes for each
            // dimension.
            let dimensions = Int(part[3])
            if let obstacle = obstacle(dimensions) { return .failure(obstacle) }
            let size = 12 + 8 * dimensions
            if index == 0 {
                bytes = [0, 0, 0, UInt8(dimensions + 1)] + part[4..<12]
                bytes.append(bigEndian: outer)
                bytes.append(bigEndian: Int32(1))
                header = Array<UInt8>(part[12..<size])
                bytes += header
            }
            guard part[12..<size] == header[...] else { return ragged(index) }
            bytes[7] |= part[7]
            bytes += part[size...]
        }
        return PostgresParameter(postgresArrayType, .bytes(bytes))
    }

    /// Concatenates elements whose type still needs its identifier.
    private static func structures(_ array: [[Element]], _ outer: Int32) -> PostgresParameter {
        var (inner, parameters) = ([Int32](), [PostgresParameter]())
        for (index, part) in array.enumerated() {
            let content = Element.postgresParameter(of: part).content
            guard case .structure(.array(let dimensions, let elements)) = content else {
                return .failure("element \(index): \(content.obstacle ?? "it is not an array")")
            }
            if let obstacle = obstacle(dimensions.count) { return .failure(obstacle) }
            if index == 0 { inner = dimensions }
            guard dimensions == inner else { return ragged(index) }
            parameters += elements
        }
        return PostgresParameter(
            postgresArrayType,
            .structure(.array(dimensions: [outer] + inner, elements: parameters))
        )
    }

    private static func obstacle(_ innerDimensions: Int) -> String? {
        if innerDimensions == 0 { return "PostgreSQL has no arrays of empty arrays" }
        return innerDimensions < 6 ? nil : "an array has at most 6 dimensions"
    }

    private static func ragged(_ index: Int) -> PostgresParameter {
        .failure("element \(index) has other lengths than the elements before it")
    }
}

extension Array: PostgresArrayDecodable where Element: PostgresArrayDecodable {
    /// Decodes an array with one dimension more than its elements, an empty array, or an array of
    /// `bytea`.
    ///
    /// - Throws: ``PostgresError`` with the code `decoding` if the value is no such array, or if
    ///   an element cannot be decoded.
    public static func decodeArray(_ cell: borrowing PostgresCell) throws(PostgresError) -> [[Element]] {
        if Element.self == UInt8.self { return try decodeOneDimension(cell) }
        var reader = try unsafe ByteReader(cell.value(for: "[[\(Element.self)]]"))
        if !cell.type.isArray, cell.type.isKnownScalar { throw cell.mismatch("[[\(Element.self)]] needs an array") }
        guard
            let dimensions = reader.integer(Int32.self), 0...6 ~= dimensions,
            let header = unsafe reader.bytes(8)
        else { throw cell.mismatch("the bytes are not those of an array") }
        if dimensions == 0 {
            guard reader.isAtEnd else { throw cell.malformed }
            return []
        }
        if dimensions == 1 { throw cell.mismatch("the array has one dimension, and [[\(Element.self)]] needs more") }
        guard
            let count = reader.integer(Int32.self), count > 0, reader.integer(Int32.self) != nil,
            let lengths = unsafe reader.bytes(8 * Int(dimensions - 1)),
            let innerCount = unsafe elementCount(lengths)
        else { throw cell.malformed }

        // Each inner array in the format in which the server would send it alone.
        var inner: [UInt8] = []
        inner.append(bigEndian: dimensions - 1)
        unsafe inner += header
        unsafe inner += lengths
        let headerSize = inner.count
        var arrays: [[Element]] = []
        for index in 0..<Int(count) {
            inner.removeSubrange(headerSize...)
            guard reader.move(innerCount, elementsTo: &inner) else { throw cell.malformed }
            arrays.append(try decode(inner, index, of: cell))
        }
        guard reader.isAtEnd else { throw cell.malformed }
        return arrays
    }

    private static func decode(
        _ bytes: [UInt8],
        _ index: Int,
        of cell: borrowing PostgresCell
    ) throws(PostgresError) -> [Element] {
        var result: Result<[Element], PostgresError>?
        unsafe bytes.withUnsafeBytes { bytes in
            // The cell does not outlive the bytes, and decoders copy what they keep.
            let inner = unsafe PostgresCell(.element(index), of: cell, type: cell.type.oid, content: bytes)
            do throws(PostgresError) {
                result = .success(try [Element](cell: inner))
            } catch {
                result = .failure(error)
            }
        }
        return try result!.get()
    }

    /// Returns the number of elements of an array with these dimensions; `nil` if there are none,
    /// or too many.
    private static func elementCount(_ dimensions: UnsafeRawBufferPointer) -> Int? {
        var reader = unsafe ByteReader(dimensions)
        var count = 1
        while let length = reader.integer(Int32.self), reader.integer(Int32.self) != nil {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(length))
            guard length > 0, !overflow else { return nil }
            count = product
        }
        return count
    }
}

extension ByteReader {
    /// Appends elements, with their lengths, to `bytes`.
    ///
    /// - Returns: Whether there are as many.
    fileprivate mutating func move(_ count: Int, elementsTo bytes: inout [UInt8]) -> Bool {
        for _ in 0..<count {
            guard let length = integer(Int32.self) else { return false }
            bytes.append(bigEndian: length)
            if length == -1 { continue }
            guard let content = unsafe self.bytes(Int(length)) else { return false }
            unsafe bytes += content
        }
        return true
    }
}
