// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where a database is, and what SQLite is told so that it finds it.
struct SQLiteLocation: Sendable {
    /// The path that the pool was given, made absolute; of a URI the whole, and of a temporary database its file's.
    let path: String

    /// The path of the file.
    let filePath: String

    /// Whether ``path`` is a URI, in which SQLite finds options.
    let isURI: Bool

    /// The file, if it is the pool's own, and goes with it.
    let temporary: TemporaryDatabase?

    /// Takes a path, a URI or `:memory:`.
    ///
    /// - Throws: `SQLiteError` with a message that begins with `path`.
    init(_ path: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        guard !path.utf8.contains(0) else {
            throw SQLiteError(.nulCharacter, "path has a NUL character in it")
        }
        if path == ":memory:" || path.isEmpty {
            guard mode == .readWriteCreate else {
                throw Self.refusal(
                    "is of a temporary database, which nobody has made: the mode must be readWriteCreate"
                )
            }
            let database = try TemporaryDatabase()
            (self.path, filePath, isURI, temporary) = (database.path, database.path, false, database)
        } else if path.hasPrefix("file:") {
            let uri = try URI(path, mode: mode)
            (self.path, filePath, isURI, temporary) = (uri.text, uri.path, true, nil)
        } else {
            let path = Self.absolute(path)
            (self.path, filePath, isURI, temporary) = (path, path, false, nil)
        }
    }

    /// The URI that tells SQLite that the file does not change.
    var immutableURI: String {
        guard isURI else { return "file:" + Self.encoded(filePath) + "?immutable=1" }
        return path + (path.contains("?") ? "&" : "?") + "immutable=1"
    }

    fileprivate static func refusal(_ reason: String) -> SQLiteError {
        SQLiteError(.invalidConfiguration, "path " + reason)
    }

    fileprivate static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(folder) }
        return unsafe String(cString: folder) + "/" + path
    }

    /// A path as it stands in a URI.
    fileprivate static func encoded(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
        return text
    }
}

/// A name that SQLite reads as a URI: `file:`, a path and options.
private struct URI {
    let text: String
    let path: String

    init(_ text: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        let withoutFragment = text.prefix { $0 != "#" }
        let parts = withoutFragment.dropFirst("file:".count).split(
            separator: "?",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var place = parts[0]
        // After two slashes comes the name of a host, which can only be this one.
        if place.hasPrefix("//") {
            place = place.dropFirst(2).drop { $0 != "/" }
            guard place.hasPrefix("/") else { throw SQLiteLocation.refusal("is a URI without a path") }
        }
        let path = try Self.decoded(place)
        guard !path.isEmpty, path != ":memory:" else {
            throw SQLiteLocation.refusal("is a URI of a temporary database; “:memory:” is one that connections share")
        }
        let options = parts.count > 1 ? parts[1] : ""
        for option in options.split(separator: "&") {
            let pair = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try Self.check(try Self.decoded(pair[0]), pair.count > 1 ? try Self.decoded(pair[1]) : "", mode: mode)
        }
        self.path = SQLiteLocation.absolute(path)
        self.text = "file:" + SQLiteLocation.encoded(self.path) + (options.isEmpty ? "" : "?" + options)
    }

    /// Refuses what the configuration says, and what does not work with several connections.
    private static func check(_ name: String, _ value: String, mode: SQLiteConfiguration.Mode) throws(SQLiteError) {
        switch name {
        case "mode":
            throw SQLiteLocation.refusal("must not say a mode, which is the configuration's")
        case "cache" where value != "private":
            throw SQLiteLocation.refusal("must not ask for a shared cache, in which connections lock each other out")
        case "immutable" where mode.mayWrite:
            throw SQLiteLocation.refusal("says that the file does not change: the mode must be immutable")
        case "nolock" where mode.mayWrite:
            throw SQLiteLocation.refusal("must not turn locks off where connections write")
        default:
            break
        }
    }

    /// A text without its `%` and two digits.
    private static func decoded(_ text: Substring) throws(SQLiteError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            // As SQLite does, which leaves alone what is no number.
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let number = UInt8(Substring(digits), radix: 16) {
                guard number != 0 else { throw SQLiteError(.nulCharacter, "path has a NUL character in it") }
                bytes.append(number)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
