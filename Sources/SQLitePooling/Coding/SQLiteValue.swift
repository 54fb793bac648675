// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value as SQLite stores it: one case for each of its storage classes.
public enum SQLiteValue: Sendable, Hashable {
    /// No value.
    case null
    /// A signed integer of 64 bits.
    case integer(Int64)
    /// A floating-point number of 64 bits. A statement with a NaN fails with the code `parameterRange`.
    case real(Double)
    /// A text, which may hold NUL characters.
    case text(String)
    /// Bytes.
    case blob([UInt8])

    /// Which storage class the value has.
    public var storageType: SQLiteStorageType {
        switch self {
        case .null: .null
        case .integer: .integer
        case .real: .real
        case .text: .text
        case .blob: .blob
        }
    }
}

/// How SQLite stores a value. Each value of a column may have a type of its own, whatever the column is declared as.
public enum SQLiteStorageType: String, Sendable, CustomStringConvertible {
    /// `NULL`.
    case null = "NULL"
    /// A signed integer of at most 64 bits.
    case integer = "INTEGER"
    /// A floating-point number.
    case real = "REAL"
    /// A text.
    case text = "TEXT"
    /// Bytes.
    case blob = "BLOB"

    /// The name that SQLite's `typeof()` gives, in capitals.
    public var description: String { rawValue }
}
