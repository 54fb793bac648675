// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Writes the placeholders of a statement, apart from adjacent words and numbers.

extension String {
    /// Appends a placeholder.
    ///
    /// - Returns: The offset of its first byte.
    mutating func append(placeholder number: Int, isBehindAnother: Bool) -> Int {
        // After a letter, a digit or a dollar sign the placeholder would become part of a name,
        // such as `LIMIT$1`, or begin a dollar quote.
        if let last = utf8.last, last.isPartOfName, !isBehindAnother { self += " " }
        let offset = utf8.count
        self += "$\(number)"
        return offset
    }

    mutating func append(piece: String) {
        // A digit would become part of the placeholder's number, and so refer to another
        // parameter; current servers reject a letter there. The bytes are compared, because a
        // combining mark after the digit makes it another character.
        if let first = piece.utf8.first, first.isPartOfName, endsInPlaceholder { self += " " }
        self += piece
    }

    /// Whether the text ends in a placeholder, including one in a text from elsewhere.
    private var endsInPlaceholder: Bool {
        let rest = utf8.reversed().drop(while: \.isDigit)
        return rest.first == UInt8(ascii: "$") && utf8.last != UInt8(ascii: "$")
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

    /// Whether a name in PostgreSQL can contain the byte after its first character.
    fileprivate var isPartOfName: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...: true
        default: isDigit
        }
    }
}
