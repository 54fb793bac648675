// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Parses a URL or keywords, like libpq but strictly.
///
/// libpq treats the rest of a password after an `@` as a host, and quotes it in an error. This
/// parser rejects ambiguous texts. No error quotes a value, or a keyword that may be part of a
/// password.
struct ConnectionString {
    private(set) var values: [String: String] = [:]
    private let known: Set<String>

    /// - Parameter known: The valid keywords.
    /// - Throws: `PostgresError` with the code `invalidConfiguration`.
    init(_ text: String, known: Set<String>) throws(PostgresError) {
        self.known = known
        let schemes = ["postgresql://", "postgres://"]
        if let scheme = schemes.first(where: { text.utf8.starts(with: $0.utf8) }) {
            try readURL(Array(text.utf8)[scheme.utf8.count...])
        } else {
            try readKeywords(Array(text.utf8))
        }
        values = values.filter { !$0.value.isEmpty }
    }

    static func invalid(_ reason: String) -> PostgresError { PostgresError(.invalidConfiguration, reason) }

    // MARK: URLs

    private mutating func readURL(_ url: ArraySlice<UInt8>) throws(PostgresError) {
        if url.contains(where: { $0 <= UInt8(ascii: " ") || $0 == 127 }) {
            throw Self.invalid(
                "the URL contains a space, a line break or another control character: write a space as %20"
            )
        }
        let at = UInt8(ascii: "@")
        let authority = url.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        let rest = url[authority.endIndex...]
        let path = rest.prefix { $0 != UInt8(ascii: "?") }
        let query = rest[path.endIndex...].dropFirst()
        guard authority.count(where: { $0 == at }) <= 1, !path.contains(at), !path.isEmpty || !query.contains(at) else {
            throw Self.invalid(
                "in the URL, only the @ before the host is written as @: elsewhere write %40, and in a password write / as %2F and ? as %3F"
            )
        }
        if let end = authority.firstIndex(of: at) {
            let user = authority[..<end].prefix { $0 != UInt8(ascii: ":") }
            values["user"] = try decoded(user, "user name")
            values["password"] = try decoded(authority[user.endIndex..<end].dropFirst(), "password")
            try readHosts(authority[(end + 1)...])
        } else {
            try readHosts(authority)
        }
        if !path.isEmpty { values["dbname"] = try decoded(path.dropFirst(), "database") }
        var pairs = query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        if pairs.last?.isEmpty == true { pairs.removeLast() }
        for pair in pairs { try readParameter(pair) }
    }

    private mutating func readHosts(_ list: ArraySlice<UInt8>) throws(PostgresError) {
        var (hosts, ports): ([String], [String]) = ([], [])
        for entry in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            var (host, rest) = (entry.prefix { $0 != UInt8(ascii: ":") }, entry[...])
            if entry.first == UInt8(ascii: "[") {
                host = entry.dropFirst().prefix { $0 != UInt8(ascii: "]") }
                rest = entry[host.endIndex...].dropFirst()
                guard host.endIndex < entry.endIndex, !host.isEmpty, rest.isEmpty || rest.first == UInt8(ascii: ":")
                else {
                    throw Self.invalid("an IPv6 address in the URL must be in brackets, such as [::1]:5432")
                }
            } else {
                rest = entry[host.endIndex...]
            }
            hosts.append(try decoded(host, "host"))
            ports.append(try decoded(rest.dropFirst(), "port"))
        }
        values["host"] = hosts.joined(separator: ",")
        values["port"] = ports.joined(separator: ",")
    }

    private mutating func readParameter(_ pair: ArraySlice<UInt8>) throws(PostgresError) {
        let name = pair.prefix { $0 != UInt8(ascii: "=") }
        let keyword = try decoded(name, "parameter’s name")
        guard name.endIndex < pair.endIndex, pair.count(where: { $0 == UInt8(ascii: "=") }) == 1 else {
            throw Self.invalid("a parameter of the URL must be keyword=value, with any further = written as %3D")
        }
        var value = try decoded(pair[name.endIndex...].dropFirst(), "parameter “\(named(keyword) ?? "…")”")
        // JDBC has this keyword, which libpq accepts in a URL.
        if keyword == "ssl", value == "true" {
            value = "require"
            values["sslmode"] = value
            return
        }
        guard known.contains(keyword) else { throw unknown(keyword, "parameter of the URL") }
        values[keyword] = value
    }

    private func decoded(_ bytes: ArraySlice<UInt8>, _ part: String) throws(PostgresError) -> String {
        var (result, rest): ([UInt8], ArraySlice<UInt8>) = ([], bytes)
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard rest.count >= 2, let high = rest.removeFirst().hexDigit, let low = rest.removeFirst().hexDigit else {
                throw Self.invalid(
                    "in the URL’s \(part), % must be followed by two hexadecimal digits: write % itself as %25"
                )
            }
            result.append(high << 4 | low)
        }
        guard let text = String(validating: result, as: UTF8.self), !text.hasNUL else {
            throw Self.invalid("the URL’s \(part) is not UTF-8, or contains a NUL character")
        }
        return text
    }

    // MARK: Keywords

    private mutating func readKeywords(_ text: [UInt8]) throws(PostgresError) {
        if text.contains(0) { throw Self.invalid("the server’s keywords contain a NUL character") }
        var rest = text[...]
        var last: String?
        while true {
            rest = rest.drop(while: \.isBlank)
            if rest.isEmpty { return }
            let name = rest.prefix { $0 != UInt8(ascii: "=") && !$0.isBlank }
            rest = rest[name.endIndex...].drop(while: \.isBlank)
            let keyword = String(decoding: name, as: UTF8.self)
            guard rest.first == UInt8(ascii: "="), known.contains(keyword) else {
                // Text after a password with a space may be part of the password.
                if let last, Self.secrets.contains(last) {
                    throw Self.invalid(
                        "“\(last)” is not followed by a keyword: enclose a value with spaces in single quotes"
                    )
                }
                guard rest.first == UInt8(ascii: "="), named(keyword) != nil else {
                    throw Self.invalid(
                        "the server is neither a URL, such as postgres://user@host/database, nor keywords, such as "
                            + "'host=/run/postgresql dbname=app'"
                    )
                }
                throw unknown(keyword, "keyword")
            }
            rest = rest.dropFirst().drop(while: \.isBlank)
            values[keyword] = try takeValue(&rest, of: keyword)
            last = keyword
        }
    }

    /// Reads a value, in which a backslash escapes the next character.
    private func takeValue(_ rest: inout ArraySlice<UInt8>, of keyword: String) throws(PostgresError) -> String {
        var value: [UInt8] = []
        let isQuoted = rest.first == UInt8(ascii: "'")
        if isQuoted { rest.removeFirst() }
        while let byte = rest.first, isQuoted || !byte.isBlank {
            rest.removeFirst()
            switch byte {
            case UInt8(ascii: "\\"): if let next = rest.popFirst() { value.append(next) }
            case UInt8(ascii: "'") where isQuoted: return String(decoding: value, as: UTF8.self)
            default: value.append(byte)
            }
        }
        if isQuoted { throw Self.invalid("the value of “\(keyword)” has no closing quote") }
        return String(decoding: value, as: UTF8.self)
    }

    // MARK: Errors

    private static let secrets: Set<String> = ["password", "sslpassword"]

    /// Returns a keyword if it can be quoted: it has only letters and underscores.
    private func named(_ keyword: String) -> String? {
        let isWord = keyword.utf8.allSatisfy { $0.isLetter || $0 == UInt8(ascii: "_") }
        return isWord && 2...40 ~= keyword.utf8.count ? keyword : nil
    }

    private func unknown(_ keyword: String, _ kind: String) -> PostgresError {
        guard let keyword = named(keyword) else { return Self.invalid("a \(kind) is not known to libpq") }
        let advice =
            ["schema", "search_path", "currentSchema"].contains(keyword)
            ? ": pass a setting of the session as options=-c search_path=…, with the space written as %20 in a URL"
            : ""
        return Self.invalid("the \(kind) “\(keyword)” is not known to libpq\(advice)")
    }
}

extension UInt8 {
    /// Whether the byte separates keywords, as C's `isspace` defines it.
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || 9...13 ~= self }

    fileprivate var isLetter: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 }

    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
