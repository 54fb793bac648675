// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension SQLiteConnection {
    /// Checks the whole database for damage.
    ///
    /// O(size of the database). The full check also compares indexes with their tables.
    ///
    /// - Parameters:
    ///   - isQuick: Whether to omit the comparison of indexes with their tables.
    ///   - maximumCount: The maximum number of problems to report.
    /// - Returns: SQLite's descriptions of the problems; empty if there are none.
    /// - Throws: ``SQLiteError``; with the primary code `corrupt` if the database cannot be read
    ///   at all.
    public func integrityCheck(isQuick: Bool = false, maximumCount: Int = 100) throws(SQLiteError) -> [String] {
        let pragma = isQuick ? "quick_check" : "integrity_check"
        let answers = try query(SQLiteQuery(unsafe: "PRAGMA \(pragma)(\(max(1, maximumCount)))"), as: String.self)
        guard answers != ["ok"] else { return [] }
        // A row contains one problem, or all problems of a database below the name of that
        // database.
        return answers.flatMap { answer in
            let lines = answer.split(separator: "\n").map(String.init)
            guard let title = lines.first, title.hasPrefix("*** in database "), title.hasSuffix(" ***") else {
                return lines
            }
            let name = title.dropFirst("*** in database ".count).dropLast(" ***".count)
            return lines.dropFirst().map { name == "main" ? $0 : "\(name): \($0)" }
        }
    }
}

extension SQLitePool {
    /// Checks the whole database for damage, in one snapshot.
    ///
    /// Suspends until a reader is available and the check is complete, on that connection's
    /// thread. Other calls can read and write. O(size of the database).
    ///
    /// - Parameters:
    ///   - isQuick: Whether to omit the comparison of indexes with their tables.
    ///   - maximumCount: The maximum number of problems to report.
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: SQLite's descriptions of the problems; empty if there are none.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; ``SQLiteError`` with the
    ///   primary code `corrupt` if the database cannot be read at all.
    public func integrityCheck(
        isQuick: Bool = false,
        maximumCount: Int = 100,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> [String] {
        try await read(timeout: timeout, file: file, line: line) { db in
            try db.integrityCheck(isQuick: isQuick, maximumCount: maximumCount)
        }
    }
}
