// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The written parameters of a text, and the comment that it ends in. Parameters within quotes and
/// comments do not count.
struct QueryScan {
    /// The byte offsets of the question marks of parameters with a number, such as `?1`.
    private(set) var numbers: [Int] = []
    /// The prefix characters that each name occurs with.
    private(set) var prefixes: [String: Set<UInt8>] = [:]
    /// The quoted text or comment that the text does not end; `nil` for none.
    private(set) var open: EnclosedText.Kind?

    /// Scans a text. O(length).
    init(_ bytes: [UInt8]) {
        var position = 0
        while position < bytes.count {
            if let enclosed = EnclosedText(at: position, in: bytes[...]) {
                if !enclosed.isEnded { open = enclosed.kind }
                position = enclosed.end
                continue
            }
            let byte = bytes[position]
            let second = position + 1 < bytes.count ? bytes[position + 1] : 0
            switch byte {
            case UInt8(ascii: "?"):
                if Self.isDigit(second) { numbers.append(position) }
                position += 1
            case UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "$"):
                let name = bytes[(position + 1)...].prefix(while: Self.isPartOfName)
                if !name.isEmpty { prefixes[String(decoding: name, as: UTF8.self), default: []].insert(byte) }
                position = name.endIndex
            default:
                // A name may contain a dollar sign.
                let name = bytes[position...].prefix(while: Self.isPartOfName)
                position = max(name.endIndex, position + 1)
            }
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 128...:
            true
        default: false
        }
    }
}

extension SQLiteQuery {
    /// Ends a comment that the text ends in. Otherwise the comment would hide what follows.
    ///
    /// - Parameter endsBlock: Whether a block comment is ended, too.
    mutating func endComment(endsBlock: Bool) {
        guard mayHaveComment else { return }
        switch QueryScan(Array(text.utf8)).open {
        case .lineComment: text += "\n"
        case .blockComment: if endsBlock { text += " */" }
        case .text, .quotedName, nil: break
        }
    }

    /// Whether the text contains the beginning of a comment, maybe within quotes. O(length).
    var mayHaveComment: Bool {
        var last: UInt8 = 0
        for byte in text.utf8 {
            switch (last, byte) {
            case (UInt8(ascii: "-"), UInt8(ascii: "-")), (UInt8(ascii: "/"), UInt8(ascii: "*")): return true
            default: last = byte
            }
        }
        return false
    }
}
