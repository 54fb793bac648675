// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The written parameters of a text, and the comment that it ends in. Parameters within quotes and
/// comments do not count.
struct QueryScan {
    /// A comment that the text does not end.
    enum OpenComment { case line, block }

    /// The byte offsets of the question marks of parameters with a number, such as `?1`.
    private(set) var numbers: [Int] = []
    /// The prefix characters that each name occurs with.
    private(set) var prefixes: [String: Set<UInt8>] = [:]
    private(set) var openComment: OpenComment?

    /// Scans a text. O(length).
    init(_ bytes: [UInt8]) {
        var position = 0
        /// Returns the end of a token whose terminator is `last`; `nil` if the text does not end
        /// it.
        func end(_ last: StaticString, from start: Int) -> Int? {
            let count = last.utf8CodeUnitCount
            return last.withUTF8Buffer { last in
                var index = start
                while index + count <= bytes.count {
                    if unsafe bytes[index..<index + count].elementsEqual(last) { return index + count }
                    index += 1
                }
                return nil
            }
        }
        func skip(past last: StaticString, from start: Int, _ comment: OpenComment? = nil) {
            let end = end(last, from: start)
            if end == nil { openComment = comment }
            position = end ?? bytes.count
        }
        while position < bytes.count {
            let byte = bytes[position]
            let second = position + 1 < bytes.count ? bytes[position + 1] : 0
            switch byte {
            // A doubled quote ends one quoted text and begins another.
            case UInt8(ascii: "'"): skip(past: "'", from: position + 1)
            case UInt8(ascii: "\""): skip(past: "\"", from: position + 1)
            case UInt8(ascii: "`"): skip(past: "`", from: position + 1)
            case UInt8(ascii: "["): skip(past: "]", from: position + 1)
            case UInt8(ascii: "-") where second == byte: skip(past: "\n", from: position + 2, .line)
            case UInt8(ascii: "/") where second == UInt8(ascii: "*"): skip(past: "*/", from: position + 2, .block)
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
        switch QueryScan(Array(text.utf8)).openComment {
        case .line: text += "\n"
        case .block: if endsBlock { text += " */" }
        case nil: break
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
