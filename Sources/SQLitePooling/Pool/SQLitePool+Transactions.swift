// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Runs `body` on a connection that reads. All its statements see the database as it was at the first of them, whatever is
    /// written meanwhile.
    ///
    /// Suspends until a connection is free and the body has run, on that connection's thread.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads. It cannot write, and does not `await`: while it runs, its connection is leased.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. `CancellationError` if the task is cancelled before the call has ended, and
    ///   ``SQLiteError`` with the code `deadlineExceeded` at the end of `timeout`: both at once, even if the body cannot be
    ///   interrupted; it then runs to its end, keeps its connection until then, and its result is dropped. ``SQLiteError`` if the
    ///   file cannot be opened or read. `PoolError` if no connection came free in time, too many calls wait, or the pool is
    ///   closed.
    public func read<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try await run(on: readers, .snapshot, until: Self.deadline(after: timeout), for: Caller(file, line), body)
    }

    /// Runs `body` in a transaction, on the connection that writes. The transaction is committed when `body` returns, and
    /// rolled back when it throws.
    ///
    /// Suspends until the connection is free and the body has run, on that connection's thread. The transaction is the only
    /// one that writes from its beginning on (`BEGIN IMMEDIATE`), so that it never fails because of what others have written.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes, and does not `await`: while it runs, no other call of the pool writes.
    /// - Returns: What `body` returns; everything is committed then.
    /// - Throws: As ``read(timeout:file:line:_:)``; nothing is changed then. A call that is cancelled or overdue before its body has ended is
    ///   never committed. Once the body has ended, the caller waits for the commit, and learns its outcome. ``SQLiteError`` with the code `readOnly`, before anything happens, if the pool is for reading only;
    ///   `transactionLost` if `body` returned although an error had rolled the transaction back.
    public func write<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try checkMayWrite()
        return try await run(
            on: writer,
            .immediate,
            until: Self.deadline(after: timeout),
            for: Caller(file, line),
            body
        )
    }

    /// Runs `body` on the connection that writes, without a transaction: for statements that do not work in one, such as
    /// `VACUUM`, and for transactions of the body's own.
    ///
    /// A transaction that is still open when the body returns is rolled back, and the call fails. Settings that the body has
    /// changed are set back. A connection that it has left temporary tables or an attached database in is not used again; the next
    /// caller gets a new one.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes; each statement is committed by itself.
    /// - Returns: What `body` returns.
    /// - Throws: As ``read(timeout:file:line:_:)``; what statements have changed stays changed, and a call that is cancelled or overdue commits
    ///   nothing more. ``SQLiteError`` with the code `transactionLeftOpen` if the body returns with a transaction open; with the
    ///   code `readOnly`, before anything happens, if the pool is for reading only.
    public func writeWithoutTransaction<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try checkMayWrite()
        return try await run(on: writer, .none, until: Self.deadline(after: timeout), for: Caller(file, line), body)
    }

    /// Runs a body on the next free connection of a pool, or on one that is the caller's.
    ///
    /// - Parameters:
    ///   - caller: The call site that the lease names.
    ///   - mayBeAbandoned: Whether a call that is stopped returns before its body has ended.
    func run<Value>(
        on pool: Request.Pool,
        _ scope: TransactionScope,
        until deadline: ContinuousClock.Instant? = nil,
        connection: HeldConnection? = nil,
        mayBeAbandoned: Bool = true,
        for caller: Caller,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        // The thread writes it, and then the task reads it. A task whose call was stopped does not.
        nonisolated(unsafe) var value: Value?
        defer { if pool === readers { resumeCheckpointAfterRead() } }
        let request = Request(
            on: pool,
            scope,
            deadline: deadline,
            group: scope.mayShareCommit ? group : nil,
            mayBeAbandoned: mayBeAbandoned,
            for: caller
        ) { db in
            unsafe value = try body(db)
        }
        try await request.run(on: connection)
        return unsafe value.take()!
    }

    func checkMayWrite() throws(SQLiteError) {
        guard !configuration.mode.mayWrite else { return }
        throw SQLiteError(.readOnly, "the pool on \(path) is for reading only")
    }

    /// Returns when a call has to be over; `nil` for never.
    ///
    /// - Parameter timeout: Any duration. One of more than 100 years is taken for that: the clock does not sleep for 300 years.
    static func deadline(after timeout: Duration?) -> ContinuousClock.Instant? {
        timeout.map { .now + min($0, .seconds(100 * 365 * 86_400)) }
    }
}
