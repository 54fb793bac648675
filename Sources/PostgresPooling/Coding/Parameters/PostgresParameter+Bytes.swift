// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresParameter.Content {
    /// The number of bytes that ``write(to:)`` writes; 0 for `null` and `failure`.
    var byteCount: Int {
        switch self {
        case .null, .failure, .structure: 0
        case .short(_, _, let count): Int(count)
        case .bytes(let bytes): bytes.count
        case .text(let text): text.utf8.count
        }
    }

    /// The reason why the content cannot be sent; `nil` if it can.
    var obstacle: String? {
        switch self {
        case .null, .short: nil
        case .failure(let reason): reason
        case .structure: "the identifier of its type has not been looked up"
        case .text(let text) where text.hasNUL: "the text has a NUL character"
        case .text, .bytes: byteCount < Int(Int32.max) ? nil : "the value has more than 2,147,483,646 bytes"
        }
    }

    /// Writes the bytes to the beginning of `buffer`, which must have room for ``byteCount``
    /// bytes.
    func write(to buffer: UnsafeMutableRawBufferPointer) {
        switch self {
        case .null, .failure, .structure:
            break
        case .short(let first, let second, let count):
            unsafe withUnsafeBytes(of: (first.bigEndian, second.bigEndian)) { words in
                // `words` has 16 bytes, and no content has a larger count.
                unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: words[..<Int(count)]))
            }
        case .bytes(let bytes):
            unsafe buffer.copyBytes(from: bytes)
        case .text(let text):
            unsafe buffer.copyBytes(from: text.utf8)
        }
    }

    /// Appends the bytes to those of an array.
    func append(to bytes: inout [UInt8]) {
        switch self {
        case .null, .failure, .structure:
            break
        case .short(let first, let second, let count):
            for index in 0..<Int(count) {
                let word = index < 8 ? first : second
                bytes.append(UInt8(truncatingIfNeeded: word >> (56 - 8 * (index % 8))))
            }
        case .bytes(let more):
            bytes += more
        case .text(let text):
            bytes += text.utf8
        }
    }
}

extension String {
    /// Whether the text contains a NUL character, at which a C function would end it.
    var hasNUL: Bool {
        unsafe utf8.withContiguousStorageIfAvailable { unsafe $0.contains(0) } ?? utf8.contains(0)
    }
}
