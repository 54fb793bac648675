// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// An order of texts, implemented by a closure.
///
/// The collations of ``SQLiteConfiguration/collations`` exist on every connection of a pool:
///
/// ```swift
/// configuration.collations = [
///     SQLiteCollation("finder") { one, other in one.localizedStandardCompare(other) }
/// ]
/// let names: SQLiteQuery = "SELECT name FROM user ORDER BY name COLLATE finder"
/// ```
///
/// A collation can be part of a schema. An index keeps the order that the closure had when rows
/// were inserted: run `REINDEX finder` if it changes, for example with the locale. A program
/// without the collation cannot use such a column or index.
public struct SQLiteCollation: Sendable {
    let name: String
    let compare: @Sendable (String, String) -> ComparisonResult

    /// Creates a collation.
    ///
    /// - Parameters:
    ///   - name: The name: letters, digits and underscores. `BINARY`, `NOCASE` and `RTRIM` cannot
    ///     be replaced.
    ///   - compare: Compares two texts. It must be a total order, because sorting and indexes rely
    ///     on that. It runs on the connection's thread, on several threads at a time if several
    ///     connections use it. Bytes that are not UTF-8 are U+FFFD in its arguments.
    public init(_ name: String, compare: @escaping @Sendable (String, String) -> ComparisonResult) {
        self.name = name
        self.compare = compare
    }
}

/// A collation on one connection. SQLite owns it.
private final class RegisteredCollation {
    let compare: @Sendable (String, String) -> ComparisonResult

    init(_ collation: SQLiteCollation) { compare = collation.compare }
}

extension Session {
    func register(_ collation: SQLiteCollation) throws(SQLiteError) {
        let owned = unsafe Unmanaged.passRetained(RegisteredCollation(collation))
        let code = unsafe sqlite3_create_collation_v2(
            handle,
            collation.name,
            SQLITE_UTF8,
            owned.toOpaque(),
            { context, count, text, otherCount, other in
                let registered = unsafe Unmanaged<RegisteredCollation>.fromOpaque(context!).takeUnretainedValue()
                let one = unsafe String(decoding: UnsafeRawBufferPointer(start: text, count: Int(count)), as: UTF8.self)
                let two = unsafe String(
                    decoding: UnsafeRawBufferPointer(start: other, count: Int(otherCount)),
                    as: UTF8.self
                )
                return switch registered.compare(one, two) {
                case .orderedAscending: -1
                case .orderedSame: 0
                case .orderedDescending: 1
                }
            },
            { context in unsafe Unmanaged<RegisteredCollation>.fromOpaque(context!).release() }
        )
        guard code != SQLITE_OK else { return }
        // Unlike those of functions, SQLite does not release a collation that it refuses.
        unsafe owned.release()
        throw SQLiteError(
            .invalidConfiguration,
            "collations: SQLite refuses \(collation.name): \(failure(code, sql: nil).message)"
        )
    }
}
