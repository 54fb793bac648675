// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Creates a string from a database's text; `nil` if it is not UTF-8. For the back ends.
    ///
    /// Faster than `init(validating:as:)`, generic code of the standard library that takes a
    /// considerable part of a short query: ASCII needs no validation. O(bytes).
    package init?(validUTF8 bytes: UnsafeRawBufferPointer) {
        guard unsafe bytes.isASCII else {
            unsafe self.init(validating: bytes, as: UTF8.self)
            return
        }
        if bytes.count <= 15 {
            // A text of this length has no memory of its own, and needs no other call.
            unsafe self.init(unsafeUninitializedCapacity: bytes.count) { text in
                unsafe UnsafeMutableRawBufferPointer(text).copyMemory(from: bytes)
                return bytes.count
            }
        } else if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            // The only initializer that does not scan again for bytes that are not ASCII.
            let units = unsafe Span<UInt8>(_unsafeBytes: bytes)
            unsafe self.init(copying: UTF8Span(unchecked: units, isKnownASCII: true))
        } else {
            unsafe self.init(decoding: bytes, as: UTF8.self)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether no byte is above 127. O(bytes), eight at a time.
    @inline(__always)
    fileprivate var isASCII: Bool {
        guard let start = baseAddress else { return true }
        var union: UInt64 = 0
        if count >= 8 {
            var index = 0
            while index < count &- 8 {
                unsafe union |= start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                index &+= 8
            }
            // The last eight bytes may overlap those that have been read.
            unsafe union |= start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else if count >= 4 {
            unsafe union = UInt64(
                start.loadUnaligned(as: UInt32.self) | start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
            )
        } else {
            for index in 0..<count { unsafe union |= UInt64(start.load(fromByteOffset: index, as: UInt8.self)) }
        }
        return union & 0x8080_8080_8080_8080 == 0
    }
}

extension String {
    /// The camel case form of a name in snake case, as `JSONDecoder` converts it: leading and
    /// trailing underscores stay. For the back ends.
    package var convertedFromSnakeCase: String {
        let start = prefix { $0 == "_" }
        let end = dropFirst(start.count).reversed().prefix { $0 == "_" }
        let words = split(separator: "_")
        guard words.count > 1 else { return self }
        let rest = words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }
        return start + words[0].lowercased() + rest.joined() + String(repeating: "_", count: end.count)
    }
}
