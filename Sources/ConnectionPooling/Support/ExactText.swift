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

/// A text that is compared by its bytes. For the back ends, whose databases distinguish texts
/// that are equal as `String`, such as the two encodings of é.
package struct ExactText: Hashable, Sendable {
    /// Stored contiguously, as native strings are.
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
