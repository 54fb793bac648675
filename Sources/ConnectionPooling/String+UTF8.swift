// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text that a database has given, or `nil` if it is not UTF-8. For the back ends.
    ///
    /// As `init(validating:as:)`, which is generic code of the standard library and takes a good part of a short query: where all is
    /// ASCII, there is nothing to validate. O(bytes).
    package init?(validUTF8 bytes: UnsafeRawBufferPointer) {
        let union = unsafe bytes.reduce(0 as UInt8) { $0 | $1 }
        if union < 0x80 {
            unsafe self.init(decoding: bytes, as: UTF8.self)
        } else {
            unsafe self.init(validating: bytes, as: UTF8.self)
        }
    }
}
