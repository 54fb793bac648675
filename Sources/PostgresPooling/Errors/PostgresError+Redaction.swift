// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The server quotes values in the messages of errors that occur while it runs a statement.
// Descriptions, mirrors and logs omit them; ``PostgresError/ServerFields/fullMessage`` contains
// them.

extension PostgresError {
    /// Returns the part of a server's text that may be shown: without values, and without
    /// characters that a terminal or a log reader would interpret.
    ///
    /// - Parameters:
    ///   - text: The server's text.
    ///   - state: The code of the condition.
    ///   - routine: The function of the server that reports it.
    static func shown(_ text: String, _ state: SQLState, routine: String? = nil) -> String {
        escapingControlCharacters(mayQuoteValues(text, state, routine) ? redacted(text) : text)
    }

    /// Returns whether quotes in a text may enclose values.
    ///
    /// Other errors quote names: of a column, a table, a role, a violated constraint.
    private static func mayQuoteValues(_ text: String, _ state: SQLState, _ routine: String?) -> Bool {
        switch state.conditionClass {
        // Successes and warnings, not errors.
        case "00", "01": false
        // A function in PL/pgSQL has written the text, and may have chosen any code.
        case _ where routine == "exec_stmt_raise": true
        // Data exceptions; errors of functions and of foreign data wrappers; internal errors.
        case "22", "38", "39", "HV", "P0", "XX": true
        case "23":
            !routinesOfConstraints.contains(routine ?? "") && !messagesOfConstraints.contains { text.hasPrefix($0) }
        // The parsers of some types report invalid values like syntax errors of a statement.
        case "42": messagesOfParsers.contains { text.hasPrefix($0) }
        default: false
        }
    }

    /// The functions that report violated constraints, in any language.
    private static let routinesOfConstraints: Set = [
        "_bt_check_unique", "check_exclusion_or_unique_constraint", "ExecConstraints", "ReportNotNullViolationError",
        "ExecPartitionCheckEmitError", "ri_ReportViolation", "ExecFindPartition", "comparetup_index_btree",
    ]

    private static let messagesOfConstraints = [
        "duplicate key value violates unique constraint ", "null value in column ", "new row for relation ",
        "insert or update on table ", "update or delete on table ",
        "conflicting key value violates exclusion constraint ",
        "check constraint ", "column ", "domain ", "value for domain ", "could not create unique index ",
        "could not create exclusion constraint ", "partition constraint ", "no partition of relation ",
        "updated partition constraint ", "removing partition ",
    ]

    private static let messagesOfParsers = [
        "syntax error in tsquery: ", "no operand in tsquery: ", "invalid type name ", "invalid name syntax",
        "text-search query ", "string is not a valid identifier: ", "improper relation name ",
        "improper qualified name ",
    ]

    /// Replaces the text between the first quote and the last, because a value may contain quotes,
    /// and the bytes of characters.
    private static func redacted(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { quotes.contains($0) }),
            let last = scalars.lastIndex(where: { quotes.contains($0) }), last > first
        else { return text.replacing(/0x[0-9A-Fa-f]{2}( 0x[0-9A-Fa-f]{2})*/, with: "0x…") }
        var result = String.UnicodeScalarView(scalars[...first])
        result.append("…")
        result.append(contentsOf: scalars[last...])
        return String(result)
    }

    /// The quotation marks of the server's languages.
    private static let quotes: Set<Unicode.Scalar> = ["\"", "«", "»", "“", "”", "„", "‟", "‹", "›", "「", "」"]

    /// Replaces control characters, and those that change the direction or the line of a text, by
    /// escape sequences.
    static func escapingControlCharacters(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.isControl: result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch value {
        case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069, 0x200e...0x200f, 0x061c: true
        default: false
        }
    }
}
