// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Takes values off the front of bytes, and never past their end.
///
/// The bytes must live longer than it.
@safe
struct ByteReader: ~Copyable {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { unsafe rest = bytes }

    /// How many bytes are left.
    var count: Int { unsafe rest.count }

    var isAtEnd: Bool { count == 0 }

    /// The next bytes; `nil` if there are not so many.
    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= self.count else { return nil }
        // Within the bounds, as has just been checked.
        defer { unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return unsafe UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    /// The next integer, which is big-endian; `nil` if there are not enough bytes.
    mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type = Number.self) -> Number? {
        guard let bytes = unsafe bytes(MemoryLayout<Number>.size) else { return nil }
        return unsafe Number(bigEndian: bytes.loadUnaligned(as: Number.self))
    }
}
