// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

extension SQLiteConfiguration {
    /// Limits on the resources that statements and file contents can take.
    ///
    /// `nil` is SQLite's own limit, or none; a limit above SQLite's own has no effect. Exceeding a
    /// limit is an error before the memory is allocated, with the code `tooBig` or `error` unless
    /// the field documents another.
    public struct Limits: Hashable, Sendable {
        /// The maximum bytes of a text, a blob or a row, from 1; `tooBig`.
        public var valueBytes: Int?

        /// The maximum bytes of a statement, also of one in the schema, from 1; `tooBig`.
        public var statementBytes: Int?

        /// The maximum columns of a table, a view, an index or a result, from 1. In the schema of
        /// a file, more are `corrupt`.
        public var columns: Int?

        /// The maximum depth of an expression, from 1.
        public var expressionDepth: Int?

        /// The maximum terms of a compound `SELECT`, from 1.
        public var compoundTerms: Int?

        /// The maximum instructions of a compiled statement, from 1; `outOfMemory`.
        public var programInstructions: Int?

        /// The maximum arguments of a function, from 1.
        public var functionArguments: Int?

        /// The maximum number of attached databases, from 0. `VACUUM` needs one.
        public var attachedDatabases: Int?

        /// The maximum bytes of a `LIKE` or `GLOB` pattern, from 1.
        public var patternBytes: Int?

        /// The maximum parameters of a statement, from 1.
        public var parameters: Int?

        /// The maximum depth of nested triggers, from 1.
        public var triggerDepth: Int?

        /// The maximum instructions that the statements of a call execute together, from 1,000,
        /// counted in thousands; `stepLimitExceeded`. A single instruction may take long; use a
        /// `timeout` to limit the time.
        public var steps: Int?

        /// The maximum bytes of all rows that a call reads, from 1: 16 for each value, plus the
        /// length of a text or a blob; `resultLimitExceeded`. The row that exceeds the limit is
        /// not decoded.
        public var resultBytes: Int?

        /// Creates limits that are SQLite's own.
        public init() {}

        /// The default limits of an untrusted file.
        ///
        /// A row takes at most 100 values of 4 MiB, and a call reads at most 256 MiB and executes
        /// at most 100 million instructions.
        public static let untrusted: Limits = {
            var limits = Limits()
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
}

extension SQLiteConfiguration.Limits {
    /// The limits that SQLite enforces, by its limit numbers.
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

    /// Returns these limits, with those of `others` where these are `nil`.
    func completed(by others: Self) -> Self {
        var limits = self
        for field in Self.fields.map(\.path) where limits[keyPath: field] == nil {
            limits[keyPath: field] = others[keyPath: field]
        }
        return limits
    }

    /// The fields and their minimum values.
    static var fields: [(name: String, path: WritableKeyPath<Self, Int?>, minimum: Int)] {
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
    /// The limits that apply: for an untrusted file, with defaults for those that are `nil`.
    var effectiveLimits: Limits {
        trust == .untrusted ? limits.completed(by: .untrusted) : limits
    }

    /// Checks the limits and the settings that an untrusted file requires.
    func validateTrust() throws(SQLiteError) {
        for field in Limits.fields {
            guard let value = limits[keyPath: field.path], value < field.minimum else { continue }
            throw SQLiteError(
                .invalidConfiguration,
                "limits.\(field.name) must be at least \(field.minimum), not \(value)"
            )
        }
        if effectiveLimits.steps != nil, maximumWritesPerCommit > 1 {
            throw SQLiteError(
                .invalidConfiguration,
                "maximumWritesPerCommit must be 1 if limits.steps is set: the limit would undo the writes of other calls"
            )
        }
        guard trust == .untrusted else { return }
        guard mmapSizeBytes == 0 else {
            throw SQLiteError(.invalidConfiguration, "mmapSizeBytes must be 0 for an untrusted file")
        }
        guard isDefensive else {
            throw SQLiteError(.invalidConfiguration, "isDefensive must be true for an untrusted file")
        }
        for pragma in pragmas where ["trusted_schema", "cell_size_check"].contains(pragma.name.lowercased()) {
            throw SQLiteError(
                .invalidConfiguration,
                "pragmas must not contain \(pragma.name), which the field trust sets"
            )
        }
    }
}
