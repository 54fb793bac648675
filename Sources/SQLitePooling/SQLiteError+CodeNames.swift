// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteError.Code: CustomStringConvertible {
    /// The code's name and number.
    public var description: String {
        if let name = Self.names[rawValue] { return "\(name) \(rawValue)" }
        if let name = Self.names[primary.rawValue] { return "\(name) \(rawValue)" }
        return "code \(rawValue)"
    }

    /// SQLite's names for its codes, because that is what one searches for, and this library's for its own.
    private static let names: [Int32: String] = [
        1: "SQLITE_ERROR",
        2: "SQLITE_INTERNAL",
        3: "SQLITE_PERM",
        4: "SQLITE_ABORT",
        5: "SQLITE_BUSY",
        6: "SQLITE_LOCKED",
        7: "SQLITE_NOMEM",
        8: "SQLITE_READONLY",
        9: "SQLITE_INTERRUPT",
        10: "SQLITE_IOERR",
        11: "SQLITE_CORRUPT",
        13: "SQLITE_FULL",
        14: "SQLITE_CANTOPEN",
        15: "SQLITE_PROTOCOL",
        17: "SQLITE_SCHEMA",
        18: "SQLITE_TOOBIG",
        19: "SQLITE_CONSTRAINT",
        20: "SQLITE_MISMATCH",
        21: "SQLITE_MISUSE",
        23: "SQLITE_AUTH",
        25: "SQLITE_RANGE",
        26: "SQLITE_NOTADB",
        261: "SQLITE_BUSY_RECOVERY",
        517: "SQLITE_BUSY_SNAPSHOT",
        516: "SQLITE_ABORT_ROLLBACK",
        264: "SQLITE_READONLY_RECOVERY",
        1032: "SQLITE_READONLY_DBMOVED",
        1544: "SQLITE_READONLY_DIRECTORY",
        526: "SQLITE_CANTOPEN_ISDIR",
        275: "SQLITE_CONSTRAINT_CHECK",
        787: "SQLITE_CONSTRAINT_FOREIGNKEY",
        1299: "SQLITE_CONSTRAINT_NOTNULL",
        1555: "SQLITE_CONSTRAINT_PRIMARYKEY",
        1811: "SQLITE_CONSTRAINT_TRIGGER",
        2067: "SQLITE_CONSTRAINT_UNIQUE",
        2579: "SQLITE_CONSTRAINT_ROWID",
        3091: "SQLITE_CONSTRAINT_DATATYPE",
        -1: "columnCount",
        -2: "decoding",
        -3: "parameterCount",
        -4: "statementCount",
        -5: "nulCharacter",
        -6: "invalidConfiguration",
        -7: "transactionControl",
        -8: "transactionLost",
        -9: "notDescribable",
        -10: "writeAheadLogUnavailable",
        -11: "fileChanged",
        -12: "threadUnavailable",
        -13: "closed",
    ]
}
