// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// Bounds on what statements and the contents of a file can take of a connection.
///
/// `nil` is SQLite's own limit, or none. A limit above SQLite's own is SQLite's own. What is past a limit is an error before
/// the memory is taken, with the code `tooBig` or `error` where the documentation of the field says nothing else.
public struct SQLiteLimits: Hashable, Sendable {
    /// The bytes of a text, a blob or a row, from 1; `tooBig`.
    public var valueBytes: Int?

    /// The bytes of a statement, also of those in the schema, from 1; `tooBig`.
    public var statementBytes: Int?

    /// The columns of a table, a view, an index or a result, from 1. In the schema of a file, more are `corrupt`.
    public var columns: Int?

    /// The depth of an expression, from 1.
    public var expressionDepth: Int?

    /// The terms of a compound `SELECT`, from 1.
    public var compoundTerms: Int?

    /// The instructions that a statement is compiled to, from 1; `outOfMemory`.
    public var programInstructions: Int?

    /// The arguments of a function, from 1.
    public var functionArguments: Int?

    /// The attached databases, from 0. `VACUUM` needs one.
    public var attachedDatabases: Int?

    /// The bytes of a pattern of `LIKE` and `GLOB`, from 1.
    public var patternBytes: Int?

    /// The parameters of a statement, from 1.
    public var parameters: Int?

    /// The depth of triggers that run each other, from 1.
    public var triggerDepth: Int?

    /// The instructions that the statements of a call execute together, from 1,000, counted by the thousand;
    /// `stepLimitExceeded`. A single instruction may take long: a `timeout` bounds the time.
    public var steps: Int?

    /// The bytes of all rows that a call reads, from 1: 16 for each value, and the length of a text or a blob;
    /// `resultLimitExceeded`. The row that exceeds it is not decoded.
    public var resultBytes: Int?

    /// Makes limits that are SQLite's own.
    public init() {}

    /// The limits of a file that is not trusted, where the configuration says nothing else.
    ///
    /// A row takes at most 100 values of 4 MiB, and a call reads at most 256 MiB and executes at most 100 million instructions.
    public static let untrusted: SQLiteLimits = {
        var limits = SQLiteLimits()
        limits.valueBytes = 4 << 20
        limits.statementBytes = 1 << 20
        limits.columns = 100
        limits.expressionDepth = 100
        limits.compoundTerms = 50
        limits.programInstructions = 250_000
        limits.patternBytes = 1_000
        limits.triggerDepth = 10
        limits.steps = 100_000_000
        limits.resultBytes = 256 << 20
        return limits
    }()
}

extension SQLiteLimits {
    /// The limits that SQLite enforces, by its numbers.
    var ofConnection: [(id: Int32, value: Int?)] {
        [
            (SQLITE_LIMIT_LENGTH, valueBytes), (SQLITE_LIMIT_SQL_LENGTH, statementBytes),
            (SQLITE_LIMIT_COLUMN, columns), (SQLITE_LIMIT_EXPR_DEPTH, expressionDepth),
            (SQLITE_LIMIT_COMPOUND_SELECT, compoundTerms), (SQLITE_LIMIT_VDBE_OP, programInstructions),
            (SQLITE_LIMIT_FUNCTION_ARG, functionArguments), (SQLITE_LIMIT_ATTACHED, attachedDatabases),
            (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, patternBytes), (SQLITE_LIMIT_VARIABLE_NUMBER, parameters),
            (SQLITE_LIMIT_TRIGGER_DEPTH, triggerDepth),
        ]
    }

    /// These limits, and those of `others` where these say nothing.
    func completed(by others: SQLiteLimits) -> SQLiteLimits {
        var limits = self
        for field in Self.fields.map(\.path) where limits[keyPath: field] == nil {
            limits[keyPath: field] = others[keyPath: field]
        }
        return limits
    }

    /// The fields, with the least value of each.
    static var fields: [(name: String, path: WritableKeyPath<SQLiteLimits, Int?>, minimum: Int)] {
        [
            ("valueBytes", \.valueBytes, 1), ("statementBytes", \.statementBytes, 1), ("columns", \.columns, 1),
            ("expressionDepth", \.expressionDepth, 1), ("compoundTerms", \.compoundTerms, 1),
            ("programInstructions", \.programInstructions, 1), ("functionArguments", \.functionArguments, 1),
            ("attachedDatabases", \.attachedDatabases, 0), ("patternBytes", \.patternBytes, 1),
            ("parameters", \.parameters, 1), ("triggerDepth", \.triggerDepth, 1), ("steps", \.steps, 1_000),
            ("resultBytes", \.resultBytes, 1),
        ]
    }
}

extension SQLiteConfiguration {
    /// The limits that hold: those of a file that is not trusted, where nothing else is said.
    var effectiveLimits: SQLiteLimits {
        trust == .untrusted ? limits.completed(by: .untrusted) : limits
    }

    /// Looks whether the limits, and what a file that is not trusted needs, are in order.
    func validateTrust() throws(SQLiteError) {
        for field in SQLiteLimits.fields {
            guard let value = limits[keyPath: field.path], value < field.minimum else { continue }
            throw SQLiteError(
                .invalidConfiguration,
                "limits.\(field.name) must be at least \(field.minimum), not \(value)"
            )
        }
        if effectiveLimits.steps != nil, maximumWritesPerCommit > 1 {
            throw SQLiteError(
                .invalidConfiguration,
                "maximumWritesPerCommit must be 1 where there is a limit of steps: it would undo the writes of other calls"
            )
        }
        guard trust == .untrusted else { return }
        guard mmapSizeBytes == 0 else {
            throw SQLiteError(.invalidConfiguration, "mmapSizeBytes must be 0 for a file that is not trusted")
        }
        guard isDefensive else {
            throw SQLiteError(.invalidConfiguration, "isDefensive must be true for a file that is not trusted")
        }
        for pragma in pragmas where ["trusted_schema", "cell_size_check"].contains(pragma.name.lowercased()) {
            throw SQLiteError(
                .invalidConfiguration,
                "pragmas must not have \(pragma.name), which is on or off by the field trust"
            )
        }
    }
}
