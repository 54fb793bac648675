// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Runs `body` on a reader. All its statements see the snapshot of the first one, whatever
    /// other connections write.
    ///
    /// Suspends until a connection is available and the body has run, on that connection's thread.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads. It cannot write and cannot `await`; it holds its connection while it runs.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. `CancellationError` if the task is cancelled
    ///   before the call has ended, and ``SQLiteError`` with the code `timedOut` at the
    ///   end of `timeout`. Both are thrown immediately, even if the body cannot be interrupted:
    ///   the body then runs to its end, keeps its connection until then, and its result is
    ///   dropped. ``SQLiteError`` if the file cannot be opened or read. `PoolError` if no
    ///   connection became available in time, too many calls wait, or the pool is closed.
    public func read<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try await run(
            on: readers,
            .snapshot,
            until: Self.deadline(after: timeout),
            checkoutTimeout: checkoutTimeout,
            for: CallSite(file, line),
            body
        )
    }

    /// Runs `body` in a transaction on the writer. The transaction is committed when `body`
    /// returns, and rolled back when it throws.
    ///
    /// Suspends until the writer is available and the body has run, on that connection's thread.
    /// The transaction holds the write lock from its beginning (`BEGIN IMMEDIATE`), so that it
    /// never fails because of other writes.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes. It cannot `await`; while it runs, no other call of the pool
    ///     writes.
    /// - Returns: The result of `body`, after the commit.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; nothing has changed then. A
    ///   call that is cancelled or reaches its deadline before its body has ended is never
    ///   committed. After the end of the body the caller waits for the commit and learns its
    ///   outcome. ``SQLiteError`` with the code `readOnly`, before `body` runs, if the pool is
    ///   read-only; with the code `transactionAborted` if `body` returned after an error that
    ///   rolled the transaction back.
    @discardableResult
    public func write<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try checkMayWrite()
        return try await run(
            on: writer,
            .immediate,
            until: Self.deadline(after: timeout),
            checkoutTimeout: checkoutTimeout,
            for: CallSite(file, line),
            body
        )
    }

    /// Runs `body` on the writer without a transaction: for statements that do not work in one,
    /// such as `VACUUM`, and for transactions that the body controls itself.
    ///
    /// A transaction that is open when the body returns is rolled back, and the call fails.
    /// Settings that the body has changed are restored. If the body leaves temporary tables or an
    /// attached database, the connection is closed, and the next caller gets a new one.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes; each statement commits by itself.
    /// - Returns: The result of `body`.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)``; committed changes stay, and a
    ///   call that is cancelled or reaches its deadline commits nothing more. ``SQLiteError`` with
    ///   the code `transactionLeftOpen` if the body returns with a transaction open; with the code
    ///   `readOnly`, before `body` runs, if the pool is read-only.
    @discardableResult
    public func writeWithoutTransaction<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        try checkMayWrite()
        return try await run(
            on: writer,
            .none,
            until: Self.deadline(after: timeout),
            checkoutTimeout: checkoutTimeout,
            for: CallSite(file, line),
            body
        )
    }

    /// Runs a body on the next available connection of a pool, or on one that the caller holds.
    ///
    /// - Parameters:
    ///   - caller: The call site, which the lease records.
    ///   - mayBeAbandoned: Whether a stopped call returns before its body has ended.
    func run<Value>(
        on pool: Call.Pool,
        _ scope: TransactionScope,
        until deadline: ContinuousClock.Instant? = nil,
        checkoutTimeout: Duration? = nil,
        connection: HeldConnection? = nil,
        mayBeAbandoned: Bool = true,
        for caller: CallSite,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        defer { if pool === readers { resumeCheckpointAfterRead() } }
        if pool === readers, connection == nil, let thread = TaskThread.current {
            if thread.isTurnOver { await Task.yield() }
            if let lease = pool.tryGet(for: caller) {
                let interruption = Interruption(deadline: deadline)
                return try await readHere(lease, interruption, in: scope, for: file.observedCall(caller), body)
            }
        }
        // The connection's thread writes the value before the task reads it. The task of a stopped
        // call does not read it.
        nonisolated(unsafe) var value: Value?
        let call = Call(
            on: pool,
            scope,
            deadline: deadline,
            checkoutTimeout: checkoutTimeout,
            group: scope.mayShareCommit ? group : nil,
            mayBeAbandoned: mayBeAbandoned,
            for: caller,
            observed: file.observedCall(caller)
        ) { db in
            unsafe value = try body(db)
        }
        try await call.run(on: connection)
        return unsafe value.take()!
    }

    func checkMayWrite() throws(SQLiteError) {
        guard !configuration.mode.mayWrite else { return }
        throw SQLiteError(.readOnly, "the pool on \(path) is read-only")
    }

    /// Returns the deadline of a call; `nil` for none.
    ///
    /// - Parameter timeout: Any duration. More than 100 years count as 100 years: the clock cannot
    ///   sleep for 300 years.
    static func deadline(after timeout: Duration?) -> ContinuousClock.Instant? {
        timeout.map { .now + min($0, .seconds(100 * 365 * 86_400)) }
    }
}
