// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ

extension PostgresQuery {
    /// Provides the arrays for `PQsendQueryParams` and `PQsendQueryPrepared` while `body` runs.
    ///
    /// All of them share one buffer, which is on the stack if it is small.
    ///
    /// - Parameters:
    ///   - sql: The text of the statement, for an error.
    ///   - body: A closure that receives the number of parameters, and their types, values,
    ///     lengths and formats; `nil` if there are none.
    /// - Returns: The result of `body`.
    /// - Throws: ``PostgresError`` with the code `encoding` if a parameter cannot be sent. `body`
    ///   does not run then.
    func withArguments<Result>(
        sql: String? = nil,
        _ body: (
            _ count: Int32, _ types: UnsafePointer<Oid>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> Result
    ) throws(PostgresError) -> Result {
        var (count, byteCount) = (0, 0)
        // By index, here and below: an iterator would retain the array.
        for index in 0..<pieces.count {
            guard let content = pieces[index].parameter?.content else { continue }
            count += 1
            if let obstacle = content.obstacle {
                throw PostgresError(.encoding, "parameter $\(count): \(obstacle)", sql: sql)
            }
            // One more for the NUL after a text. It also keeps each value from the very end of the
            // buffer.
            byteCount += content.byteCount + 1
        }
        if count == 0 { return body(0, nil, nil, nil, nil) }
        try validateCount(of: count, sql: sql)

        // The pointers first, because their alignment is the largest, then the numbers, then the
        // bytes.
        let pointerSize = unsafe MemoryLayout<UnsafePointer<CChar>?>.stride
        let size = count * (pointerSize + 3 * MemoryLayout<Int32>.stride) + byteCount
        return unsafe withUnsafeTemporaryAllocation(byteCount: size, alignment: pointerSize) { buffer in
            // Each part is bound to one type, the parts do not overlap, and `body` reads them only
            // after they are fully written.
            var rest = buffer.baseAddress!
            let values = unsafe rest.bindMemory(to: UnsafePointer<CChar>?.self, capacity: count)
            unsafe rest += count * pointerSize
            let types = unsafe rest.bindMemory(to: Oid.self, capacity: count)
            unsafe rest += count * MemoryLayout<Oid>.stride
            let lengths = unsafe rest.bindMemory(to: Int32.self, capacity: count)
            unsafe rest += count * MemoryLayout<Int32>.stride
            let formats = unsafe rest.bindMemory(to: Int32.self, capacity: count)
            unsafe rest += count * MemoryLayout<Int32>.stride
            var index = 0
            for place in 0..<pieces.count {
                guard let parameter = pieces[place].parameter else { continue }
                defer { index += 1 }
                let content = parameter.content
                let length = content.byteCount
                unsafe (types + index).initialize(to: parameter.type.oid)
                unsafe (lengths + index).initialize(to: Int32(length))
                switch content {
                case .null:
                    unsafe (values + index).initialize(to: nil)
                    unsafe (formats + index).initialize(to: 1)
                    continue
                case .text: unsafe (formats + index).initialize(to: 0)
                default: unsafe (formats + index).initialize(to: 1)
                }
                unsafe content.write(to: UnsafeMutableRawBufferPointer(start: rest, count: length))
                unsafe (rest + length).storeBytes(of: 0, as: UInt8.self)
                let value = unsafe UnsafePointer(rest.bindMemory(to: CChar.self, capacity: length + 1))
                unsafe (values + index).initialize(to: value)
                unsafe rest += length + 1
            }
            return unsafe body(Int32(count), types, values, lengths, formats)
        }
    }
}

/// Rejects more parameters than the protocol can count in 16 bits.
func validateCount(of count: Int, sql: String?) throws(PostgresError) {
    if count > 65_535 {
        throw PostgresError(.encoding, "\(count) parameters are more than 65,535", sql: sql)
    }
}
