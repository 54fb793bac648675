// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A text that is another only if each byte is the same. For the back ends, whose databases tell texts apart that are equal as a `String`,
/// such as the two ways to write an é.
package struct ExactText: Hashable, Sendable {
    private let text: String

    package init(_ text: String) { self.text = text }

    package static func == (one: ExactText, other: ExactText) -> Bool {
        let same = unsafe one.text.utf8.withContiguousStorageIfAvailable { one in
            unsafe other.text.utf8.withContiguousStorageIfAvailable { other in
                guard one.count == other.count, let first = one.baseAddress, let second = other.baseAddress
                else { return one.count == other.count }
                return unsafe memcmp(first, second, one.count) == 0
            }
        }
        return (same ?? nil) ?? one.text.utf8.elementsEqual(other.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        let isHashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { utf8 in
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer(utf8))
        }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
