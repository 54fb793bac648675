// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQL {
    /// Whether the first keyword is one of statements that work in a transaction as they do alone: a plain statement that changes data or
    /// the schema. `false` where there is any doubt.
    ///
    /// - Complexity: O(length of the white space and comments before the keyword).
    var worksInTransaction: Bool {
        var rest = text.utf8[...]
        switch Self.takeKeyword(&rest) {
        case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "DROP", "ALTER":
            return true
        case "CREATE":
            // A temporary object belongs to the connection, which is replaced afterwards.
            let object = Self.takeKeyword(&rest)
            return object != "TEMP" && object != "TEMPORARY"
        default:
            return false
        }
    }

    /// The next word in capital letters, after white space and comments; empty where something else follows, or a word that is longer than
    /// any keyword of interest.
    private static func takeKeyword(_ rest: inout Substring.UTF8View) -> String {
        guard skipBlanks(&rest) else { return "" }
        var word: [UInt8] = []
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): word.append(byte & ~0x20)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): word.append(byte)
            // Any of these makes it another word.
            case UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...: return ""
            default: return String(decoding: word, as: UTF8.self)
            }
            guard word.count <= 9 else { return "" }
            rest = rest.dropFirst()
        }
        return String(decoding: word, as: UTF8.self)
    }

    /// - Returns: Whether all comments are closed.
    private static func skipBlanks(_ rest: inout Substring.UTF8View) -> Bool {
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: " "), 9, 10, 12, 13:
                rest = rest.dropFirst()
            case UInt8(ascii: "-") where rest.dropFirst().first == byte:
                rest = rest.drop { $0 != UInt8(ascii: "\n") }
            case UInt8(ascii: "/") where rest.dropFirst().first == UInt8(ascii: "*"):
                rest = rest.dropFirst(2)
                while !rest.starts(with: "*/".utf8) {
                    if rest.isEmpty { return false }
                    rest = rest.dropFirst()
                }
                rest = rest.dropFirst(2)
            default:
                return true
            }
        }
        return true
    }
}
