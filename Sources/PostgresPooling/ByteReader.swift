// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Reads numbers in the network's order from bytes, and never behind their end.
@safe
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    /// Reads `bytes`, which have to live for as long as this.
    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = unsafe bytes }

    var rest: Int { unsafe bytes.count - offset }

    mutating func next<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard rest >= MemoryLayout<Number>.size else { return nil }
        defer { offset += MemoryLayout<Number>.size }
        return Number(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// The next `count` bytes.
    mutating func next(_ count: Int) -> UnsafeRawBufferPointer? {
        guard 0...rest ~= count else { return nil }
        defer { offset += count }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
