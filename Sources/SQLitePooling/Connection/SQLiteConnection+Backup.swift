// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

/// How far a backup has come.
public struct SQLiteBackupProgress: Hashable, Sendable {
    /// How many pages are still to be copied.
    public let remainingPages: Int

    /// How many pages there are.
    public let totalPages: Int

    /// The part that is copied, from 0 to 1.
    public var fraction: Double { totalPages > 0 ? Double(totalPages - remainingPages) / Double(totalPages) : 1 }
}

extension SQLiteConnection {
    /// Copies the database as this connection sees it into another file, and replaces what is there.
    ///
    /// In a ``SQLitePool/read(timeout:file:line:_:)`` that is the state of one instant, whatever is written meanwhile. O(size of the database).
    ///
    /// - Parameters:
    ///   - path: The path of the other file, which is made if there is none. It must not be in use.
    ///   - pagesPerStep: How many pages are copied between two looks at whether to go on; at least 1.
    ///   - progress: Is told after each step how far the backup has come. What it throws ends the backup.
    /// - Throws: ``SQLiteError``, with the code `misuse` in a transaction that writes; and what `progress` throws, unchanged.
    ///   The other file is then as it was before, and gone if there was none.
    public func backUp(
        to path: String,
        pagesPerStep: Int = 256,
        progress: (SQLiteBackupProgress) throws -> Void = { _ in }
    ) throws {
        guard unsafe sqlite3_txn_state(session.handle, nil) != SQLITE_TXN_WRITE else {
            throw SQLiteError(.misuse, "a transaction that has written cannot be backed up before it is committed")
        }
        let target = try BackupTarget(path, besides: session)
        var isComplete = false
        defer { target.close(isComplete: isComplete) }
        // Without a read of one's own in an open transaction, each step would see another state, and begin anew.
        if !session.isAutocommitting { try session.pragma("schema_version") }
        try target.copy(session, pagesPerStep: pagesPerStep, progress)
        isComplete = true
    }

    /// Looks through the whole database for damage.
    ///
    /// O(size of the database), and more for the full check, which also compares indexes with their tables.
    ///
    /// - Parameters:
    ///   - isQuick: Whether indexes are not compared with their tables.
    ///   - maximumCount: How many problems are looked for at most.
    /// - Returns: The problems, in SQLite's words; empty if there is none.
    /// - Throws: ``SQLiteError``; with the primary code `corrupt` if the damage lets nothing be read.
    public func integrityCheck(isQuick: Bool = false, maximumCount: Int = 100) throws(SQLiteError) -> [String] {
        let pragma = isQuick ? "quick_check" : "integrity_check"
        let answers = try query(SQL(unsafe: "PRAGMA \(pragma)(\(max(1, maximumCount)))"), as: String.self)
        guard answers != ["ok"] else { return [] }
        // An answer may be many problems of one database, below its name, or one problem.
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
    /// Copies the database into another file while it is in use, and replaces what is there.
    ///
    /// Suspends until a connection that reads is free and everything is copied, on that connection's thread. The copy is of
    /// one instant. Others read and write meanwhile, though what they write stays in the write-ahead log until the end.
    ///
    /// ```swift
    /// try await pool.backUp(to: "backup.sqlite") { progress in print("\(Int(progress.fraction * 100)) %") }
    /// ```
    ///
    /// - Parameters:
    ///   - path: The path of the other file, which is made if there is none. It must not be in use.
    ///   - pagesPerStep: How many pages are copied between two looks at whether the task is cancelled or the time is over; at
    ///     least 1.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - progress: Is told after each step, on the connection's thread, how far the backup has come. What it throws ends the
    ///     backup.
    /// - Throws: As ``read(timeout:file:line:_:)``, and what `progress` throws, unchanged. `CancellationError` if the task was cancelled, and
    ///   ``SQLiteError`` with the code `deadlineExceeded` at the end of `timeout`, both after the step that was at work. The other
    ///   file is then as it was before, and gone if there was none.
    public func backUp(
        to path: String,
        pagesPerStep: Int = 256,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        progress: @escaping @Sendable (SQLiteBackupProgress) throws -> Void = { _ in }
    ) async throws {
        // Not abandoned: when this returns, the other file is not touched any more.
        let deadline = Self.deadline(after: timeout)
        try await run(
            on: readers,
            .snapshot,
            until: deadline,
            mayBeAbandoned: false,
            for: Caller(file, line)
        ) { db in
            try db.backUp(to: path, pagesPerStep: pagesPerStep, progress: progress)
        }
    }

    /// Looks through the whole database for damage, as it is at one instant.
    ///
    /// Suspends until a connection that reads is free and everything is looked at, on that connection's thread. Others read
    /// and write meanwhile. O(size of the database).
    ///
    /// - Parameters:
    ///   - isQuick: Whether indexes are not compared with their tables.
    ///   - maximumCount: How many problems are looked for at most.
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    /// - Returns: The problems, in SQLite's words; empty if there is none.
    /// - Throws: As ``read(timeout:file:line:_:)``; ``SQLiteError`` with the primary code `corrupt` if the damage lets nothing be read.
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
