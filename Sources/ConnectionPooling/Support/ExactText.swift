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
    /// In one piece, as all are that were not made elsewhere.
    private var text: String

    package init(_ text: String) {
        self.text = text
        self.text.makeContiguousUTF8()
    }

    private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe text.utf8.withContiguousStorageIfAvailable { unsafe body(UnsafeRawBufferPointer($0)) }!
    }

    package static func == (one: ExactText, other: ExactText) -> Bool {
        unsafe one.withBytes { one in
            unsafe other.withBytes { other in
                guard one.count == other.count, let first = one.baseAddress, let second = other.baseAddress
                else { return one.count == other.count }
                return unsafe memcmp(first, second, one.count) == 0
            }
        }
    }

    package func hash(into hasher: inout Hasher) {
        unsafe withBytes { unsafe hasher.combine(bytes: $0) }
    }
}
