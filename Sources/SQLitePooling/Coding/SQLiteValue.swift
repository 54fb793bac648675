// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value in one of SQLite's storage classes.
public enum SQLiteValue: Sendable, Hashable {
    /// `NULL`.
    case null
    /// A signed integer of 64 bits.
    case integer(Int64)
    /// A floating-point number of 64 bits. A statement with a NaN fails with the code
    /// `encoding`.
    case real(Double)
    /// Text, which may contain NUL characters.
    case text(String)
    /// Bytes.
    case blob([UInt8])

    /// Whether the value is `NULL`.
    public var isNull: Bool { self == .null }

    /// The storage class of the value.
    public var storageType: StorageType {
        switch self {
        case .null: .null
        case .integer: .integer
        case .real: .real
        case .text: .text
        case .blob: .blob
        }
    }
}

extension SQLiteValue {
    /// A storage class of SQLite. Each value of a column may have another one, whatever the
    /// column's declared type is.
    public enum StorageType: String, Sendable, CustomStringConvertible {
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

        /// The name that SQLite's `typeof()` returns, in uppercase.
        public var description: String { rawValue }
    }
}
