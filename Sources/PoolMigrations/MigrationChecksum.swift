// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// What identifies the content of a migration.
enum MigrationChecksum {
    /// Returns the SHA-256 of a text, in hexadecimal digits.
    ///
    /// A carriage return before a line feed does not count: version control may change it.
    static func text(_ text: String) -> String {
        var hash = SHA256()
        var isPending = false
        for byte in text.utf8 {
            let isReturn = byte == UInt8(ascii: "\r")
            if isPending, byte != UInt8(ascii: "\n") { hash.update(CollectionOfOne(UInt8(ascii: "\r"))) }
            isPending = isReturn
            if !isReturn { hash.update(CollectionOfOne(byte)) }
        }
        if isPending { hash.update(CollectionOfOne(UInt8(ascii: "\r"))) }
        return hash.finalize().map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// Returns what identifies a closure: the version that the program has given it, if any.
    static func version(_ version: String?) -> String? { version.map { "version \($0)" } }
}
