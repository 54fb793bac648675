// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// A function whose result is `Sendable` is not of a type whose result is `sending`, and Swift 6.3 does not convert it. So a body that
// is passed on, and a function in the place of a closure, need methods of their own.

extension SQLitePool {
    /// Runs a function or a body that is passed on, whose result is `Sendable`, on a connection that reads.
    ///
    /// As the other `read` in all else. The compiler chooses.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads. It cannot write, and does not `await`.
    /// - Returns: What `body` returns.
    /// - Throws: As the other `read`.
    public func read<Value: Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> Value
    ) async throws -> Value {
        try await run(on: readers, .snapshot, until: Self.deadline(after: timeout), for: Caller(file, line)) { db in
            try body(db)
        }
    }

    /// Runs a function or a body that is passed on, whose result is `Sendable`, in a transaction.
    ///
    /// As the other `write` in all else. The compiler chooses.
    ///
    /// ```swift
    /// func audited<Value: Sendable>(
    ///     _ body: sending @escaping (borrowing SQLiteConnection) throws -> Value
    /// ) async throws -> Value {
    ///     try await pool.write(body)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes, and does not `await`.
    /// - Returns: What `body` returns; everything is committed then.
    /// - Throws: As the other `write`.
    public func write<Value: Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> Value
    ) async throws -> Value {
        try checkMayWrite()
        return try await run(on: writer, .immediate, until: Self.deadline(after: timeout), for: Caller(file, line)) {
            db in
            try body(db)
        }
    }

    /// Runs a function or a body that is passed on, whose result is `Sendable`, on the connection that writes, without a transaction.
    ///
    /// As the other `writeWithoutTransaction` in all else. The compiler chooses.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes; each statement is committed by itself.
    /// - Returns: What `body` returns.
    /// - Throws: As the other `writeWithoutTransaction`.
    public func writeWithoutTransaction<Value: Sendable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> Value
    ) async throws -> Value {
        try checkMayWrite()
        return try await run(on: writer, .none, until: Self.deadline(after: timeout), for: Caller(file, line)) { db in
            try body(db)
        }
    }
}
