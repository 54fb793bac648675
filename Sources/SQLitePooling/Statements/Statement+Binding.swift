// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension Statement {
    /// Binds the values of a statement: named values by name, the others in the order of their
    /// numbers.
    ///
    /// - Returns: SQLite's code.
    /// - Throws: ``SQLiteError`` if a value has no parameter or cannot be stored.
    func bind(_ sql: SQLiteQuery) throws(SQLiteError) -> Int32 {
        if let fault = sql.fault { throw fault.error(sql: text) }
        return try bind(sql.namedParameters.isEmpty ? sql.parameters : inOrder(sql))
    }

    /// Returns the values in the order of the parameters' numbers.
    private func inOrder(_ sql: SQLiteQuery) throws(SQLiteError) -> [SQLiteParameter] {
        var values: [SQLiteParameter] = []
        values.reserveCapacity(parameterCount)
        var unnamed = sql.parameters[...]
        for name in parameterNames {
            if let name {
                guard let value = sql.namedParameters[name] else {
                    throw SQLiteError(.parameterName, "the parameter “\(name)” has no value", sql: text)
                }
                values.append(value)
            } else if let value = unnamed.popFirst() {
                values.append(value)
            }
        }
        if let unknown = sql.namedParameters.keys.sorted().first(where: { !parameterNames.contains($0) }) {
            throw SQLiteError(.parameterName, "the statement has no parameter “\(unknown)”", sql: text)
        }
        // If values without a name are missing or left over, the count differs, and the binding
        // fails.
        return values + unnamed
    }

    /// Binds values, as the pool's strategies store them.
    ///
    /// - Returns: SQLite's code.
    /// - Throws: ``SQLiteError`` if the numbers of parameters and values differ, or a value cannot
    ///   be stored.
    func bind(_ values: [SQLiteParameter]) throws(SQLiteError) -> Int32 {
        guard values.count == parameterCount else {
            throw SQLiteError.parameterCount(in: text, parameterCount, valueCount: values.count)
        }
        for (index, value) in values.enumerated() {
            let stored: SQLiteParameter.Stored
            do throws(SQLiteParameter.NotStorable) {
                stored = try value.stored(strategies)
            } catch {
                throw SQLiteError(.encoding, "parameter \(index + 1) \(error.reason)", sql: text)
            }
            let code = bind(stored, at: Int32(truncatingIfNeeded: index + 1))
            if code != SQLITE_OK { return code }
        }
        return SQLITE_OK
    }

    private func bind(_ value: SQLiteParameter.Stored, at position: Int32) -> Int32 {
        switch value {
        case .value(.null):
            unsafe sqlite3_bind_null(handle, position)
        case .value(.integer(let number)):
            unsafe sqlite3_bind_int64(handle, position, number)
        case .value(.real(let number)):
            unsafe sqlite3_bind_double(handle, position, number)
        case .value(.text(var text)):
            text.withUTF8 { utf8 in
                unsafe utf8.withMemoryRebound(to: CChar.self) { text in
                    unsafe clockpool_sqlite_bind_text(handle, position, text.baseAddress, UInt64(text.count))
                }
            }
        case .value(.blob(let bytes)):
            unsafe bytes.withUnsafeBytes { unsafe bind($0, at: position) }
        case .data(let data):
            unsafe data.withUnsafeBytes { unsafe bind($0, at: position) }
        case .list(let elements):
            unsafe ListTable.bind(elements, to: handle, at: position)
        }
    }

    private func bind(_ bytes: UnsafeRawBufferPointer, at position: Int32) -> Int32 {
        unsafe clockpool_sqlite_bind_blob(handle, position, bytes.baseAddress, UInt64(bytes.count))
    }
}
