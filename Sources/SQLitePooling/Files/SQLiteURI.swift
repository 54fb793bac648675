// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A database name that SQLite reads as a URI: `file:`, a path and options.
///
/// The URI is parsed byte by byte by the rules of SQLite's `sqlite3ParseUri`, validated, and
/// composed again, so that SQLite reads exactly what was validated.
struct SQLiteURI: Sendable {
    /// The absolute path, without escapes.
    let path: String

    /// The options, which are known and unique; without `immutable`, which the mode determines.
    let options: [(name: String, value: String)]

    /// The URI with an absolute path, without authority and fragment.
    var text: String { Self.text(path: path, options: options) }

    /// The name of the VFS; `nil` for SQLite's default.
    var fileSystem: String? { options.first { $0.name == "vfs" }?.value }

    /// Parses a URI.
    ///
    /// - Throws: `SQLiteError` with a message that begins with `path`. The message names an option
    ///   but never shows the value of one, which may be a key.
    init(_ text: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        guard !text.utf8.contains(0) else { throw Self.nulCharacter }
        let bytes = Array(text.utf8)
        guard bytes.starts(with: "file:".utf8) else {
            throw SQLiteLocation.refusal("must be a URI that begins with “file:”")
        }
        // SQLite ignores the fragment.
        var rest = bytes.dropFirst("file:".utf8.count).prefix { $0 != UInt8(ascii: "#") }
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            let authority = rest.prefix { $0 != UInt8(ascii: "/") }
            guard authority.isEmpty || authority.elementsEqual("localhost".utf8) else {
                throw SQLiteLocation.refusal(
                    "is a URI of another host: the host must be empty or “localhost”"
                )
            }
            rest = rest.dropFirst(authority.count)
        }
        let encodedPath = rest.prefix { $0 != UInt8(ascii: "?") }
        let path = try Self.decoded(encodedPath)
        guard !path.isEmpty else { throw SQLiteLocation.refusal("is a URI without a path") }
        guard !path.utf8.elementsEqual(":memory:".utf8) else {
            throw SQLiteLocation.refusal(
                "is a URI of an in-memory database; for one that connections share, use the path “:memory:”"
            )
        }
        self.path = try SQLiteLocation.absolute(path)
        options = try Self.options(rest.dropFirst(encodedPath.count + 1), mode: mode)
    }

    private static var nulCharacter: SQLiteError {
        SQLiteError(.nulCharacter, "path contains a NUL character")
    }

    // MARK: - Options

    private static func options(
        _ bytes: ArraySlice<UInt8>,
        mode: SQLiteConfiguration.Mode
    ) throws(SQLiteError) -> [(name: String, value: String)] {
        var options: [(name: String, value: String)] = []
        for option in bytes.split(separator: UInt8(ascii: "&")) {
            let name = try decoded(option.prefix { $0 != UInt8(ascii: "=") })
            let value = try decoded(option.drop { $0 != UInt8(ascii: "=") }.dropFirst())
            // SQLite uses the last occurrence of some options and the first of others.
            guard !options.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
                throw SQLiteLocation.refusal("must not repeat the option “\(name)”")
            }
            try check(name, value, mode: mode)
            options.append((name, value))
        }
        return options.filter { $0.name != "immutable" }
    }

    /// Throws for options that are unknown, that the configuration sets, or that do not work with
    /// several connections.
    private static func check(_ name: String, _ value: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        // Compared as bytes: Swift's string comparison also accepts characters that are equivalent
        // to ASCII ones.
        let key = name.utf8.allSatisfy { $0 < 0x80 } ? name : ""
        switch key {
        case "vfs":
            guard !value.isEmpty else { throw SQLiteLocation.refusal("has the option “vfs” without a value") }
        case "psow":
            _ = try truth(of: name, value)
        case "cache":
            guard value.utf8.elementsEqual("private".utf8) else {
                throw SQLiteLocation.refusal(
                    "must not ask for a shared cache, in which connections block each other"
                )
            }
        case "mode":
            throw SQLiteLocation.refusal("must not have the option “mode”: set the mode of the configuration")
        case "immutable":
            guard try !truth(of: name, value) || mode == .immutable else {
                throw SQLiteLocation.refusal("has the option “immutable”: the mode must be immutable")
            }
        case "nolock":
            guard try !truth(of: name, value) || !mode.mayWrite else {
                throw SQLiteLocation.refusal("must not turn locks off in a mode that writes")
            }
        default:
            throw SQLiteLocation.refusal(
                "has the option “\(name.prefix(40))”; the supported options are vfs, psow, cache, immutable and nolock"
            )
        }
    }

    /// Parses the truth value of an option as SQLite does.
    private static func truth(of name: String, _ value: String) throws(SQLiteError) -> Bool {
        switch value {
        case "1", "yes", "true", "on": return true
        case "0", "no", "false", "off": return false
        default: throw SQLiteLocation.refusal("has the option “\(name)” with a value that is neither 0 nor 1")
        }
    }

    // MARK: - Escapes

    /// Decodes the escapes of a part: a `%` and two hexadecimal digits. Any other `%` is literal,
    /// as in SQLite.
    private static func decoded(_ part: ArraySlice<UInt8>) throws(SQLiteError) -> String {
        var bytes: [UInt8] = []
        var rest = part
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap(digit)
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                // SQLite would silently drop the rest of the part.
                guard digits != [0, 0] else { throw nulCharacter }
                bytes.append(digits[0] << 4 | digits[1])
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SQLiteLocation.refusal("contains escapes that are not UTF-8")
        }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Composes the URI of an absolute path with options.
    static func text(path: String, options: [(name: String, value: String)]) -> String {
        let parts = options.map { encoded($0.name) + "=" + encoded($0.value) }
        return "file:" + encoded(path) + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }

    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
        return result
    }
}
