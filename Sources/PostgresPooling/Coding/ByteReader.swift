// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Reads values from the front of a buffer, never past its end.
///
/// The bytes must outlive the reader.
@safe
struct ByteReader: ~Copyable {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { unsafe rest = bytes }

    /// The number of bytes left.
    var count: Int { unsafe rest.count }

    var isAtEnd: Bool { count == 0 }

    /// Returns the next bytes; `nil` if fewer are left.
    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= self.count else { return nil }
        // The guard has checked the bounds.
        defer { unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return unsafe UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    /// Returns the next big-endian integer; `nil` if not enough bytes are left.
    mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type = Number.self) -> Number? {
        guard let bytes = unsafe bytes(MemoryLayout<Number>.size) else { return nil }
        return unsafe Number(bigEndian: bytes.loadUnaligned(as: Number.self))
    }
}
