// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The statements that begin a transaction, which are sent as one message.
struct TransactionStart {
    /// The statement that begins the transaction.
    let begin: String

    /// The statement that sets the settings; `nil` if there are none.
    private(set) var settingsCall: String?

    /// The statements as they are sent.
    private(set) var script: String

    /// The statements without the values of settings, for errors.
    private(set) var shown: String

    /// Whether the transaction has a `search_path` of its own, so that the names of types may have
    /// another meaning in it.
    private(set) var changesNames = false

    /// - Parameters:
    ///   - isolation: The isolation level; `nil` for the server's default.
    ///   - readOnly: Whether the transaction may only read.
    ///   - settings: The settings of the transaction by name.
    /// - Throws: `PostgresError` with the code `encoding` for a name or a value that cannot be a
    ///   setting's, and `unsupported` for `client_encoding`.
    init(
        isolation: PostgresConnection.IsolationLevel? = nil,
        readOnly: Bool = false,
        settings: [String: String] = [:]
    ) throws(PostgresError) {
        var begin = "BEGIN"
        if let isolation { begin += " ISOLATION LEVEL \(isolation.rawValue)" }
        if readOnly { begin += " READ ONLY" }
        (self.begin, script, shown) = (begin, begin, begin)
        if !settings.isEmpty { try append(settings) }
    }

    /// Appends a statement that takes a lock.
    mutating func append(_ call: PostgresLockCall) {
        script += "; " + call.sql
        shown += "; " + call.shown
    }

    /// Appends the settings in the order of their names.
    private mutating func append(_ settings: [String: String]) throws(PostgresError) {
        var names: Set<String> = []
        var (calls, shownCalls): ([String], [String]) = ([], [])
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            let lowercased = name.lowercased()
            if let obstacle = Self.obstacle(name, value) {
                throw PostgresError(.encoding, obstacle, outcome: .notExecuted)
            }
            guard names.insert(lowercased).inserted else {
                throw PostgresError(
                    .encoding,
                    "the setting \(name) has two values; names do not distinguish case",
                    outcome: .notExecuted
                )
            }
            if lowercased == "client_encoding" {
                throw PostgresError(.unsupported, "client_encoding must remain UTF8", outcome: .notExecuted)
            }
            if lowercased == "search_path" { changesNames = true }
            calls.append("pg_catalog.set_config('\(name)', \(value.quotedForSQL), true)")
            shownCalls.append("pg_catalog.set_config('\(name)', …, true)")
        }
        let call = "SELECT " + calls.joined(separator: ", ")
        settingsCall = call
        script += "; " + call
        shown += "; SELECT " + shownCalls.joined(separator: ", ")
    }

    /// Returns the reason why a setting cannot be sent; `nil` if it can.
    private static func obstacle(_ name: String, _ value: String) -> String? {
        let parts = name.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ isIdentifier($0) }) else {
            return "“\(PostgresError.escapingControlCharacters(name))” is not the name of a setting, such as app.tenant"
        }
        return value.utf8.contains(0) ? "the value of the setting \(name) has a NUL character" : nil
    }

    /// Returns whether a part of a name has the form that the server accepts: letters, digits,
    /// underscores and dollar signs, of which a digit and a dollar sign cannot be the first.
    private static func isIdentifier(_ part: Substring.UnicodeScalarView) -> Bool {
        func isLetter(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        }
        guard let first = part.first, isLetter(first) else { return false }
        return part.dropFirst().allSatisfy { isLetter($0) || ("0"..."9").contains($0) || $0 == "$" }
    }
}

extension String {
    /// The text as a literal of SQL, which has one meaning whatever `standard_conforming_strings`
    /// is.
    var quotedForSQL: String {
        var literal = "E'"
        for scalar in unicodeScalars {
            if scalar == "'" || scalar == "\\" { literal.unicodeScalars.append(scalar) }
            literal.unicodeScalars.append(scalar)
        }
        return literal + "'"
    }
}
