// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A quoted text, a quoted name or a comment of a statement. SQLite reads no parameter in it.
struct EnclosedText {
    enum Kind {
        /// `'…'`
        case text
        /// `"…"`, `` `…` `` or `[…]`
        case quotedName
        /// `--`, with the newline that ends it
        case lineComment
        /// `/*…*/`
        case blockComment
    }

    let kind: Kind
    /// The index after the last byte.
    let end: Int
    /// Whether the statement has the terminator. Otherwise the rest of the statement is enclosed.
    let isEnded: Bool

    /// Returns `nil` if none begins at `start`. O(length of the enclosed text).
    init?(at start: Int, in bytes: ArraySlice<UInt8>) {
        let terminator: StaticString
        var contents = start + 1
        let second = contents < bytes.endIndex ? bytes[contents] : 0
        switch bytes[start] {
        // A doubled quote ends one quoted text and begins another.
        case UInt8(ascii: "'"): (kind, terminator) = (.text, "'")
        case UInt8(ascii: "\""): (kind, terminator) = (.quotedName, "\"")
        case UInt8(ascii: "`"): (kind, terminator) = (.quotedName, "`")
        case UInt8(ascii: "["): (kind, terminator) = (.quotedName, "]")
        case UInt8(ascii: "-") where second == UInt8(ascii: "-"):
            (kind, terminator) = (.lineComment, "\n")
            contents += 1
        case UInt8(ascii: "/") where second == UInt8(ascii: "*"):
            (kind, terminator) = (.blockComment, "*/")
            contents += 1
        default: return nil
        }
        let end = terminator.withUTF8Buffer { terminator in
            (contents..<max(contents, bytes.endIndex - terminator.count + 1)).first { index in
                unsafe bytes[index..<index + terminator.count].elementsEqual(terminator)
            }
        }
        isEnded = end != nil
        self.end = end.map { $0 + terminator.utf8CodeUnitCount } ?? bytes.endIndex
    }
}
