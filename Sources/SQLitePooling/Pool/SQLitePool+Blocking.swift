// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// Names of their own, and not those of the asynchronous methods: Swift takes the code of a `main.swift`, and a closure that is marked
// `throws` and not `async`, for synchronous when it chooses between methods of one name.
//
// On the calling thread, which waits for a connection and for SQLite: for programs and threads without tasks. SQLite's work
// needs stack: up to four mebibytes where a pattern of `LIKE` is tens of thousands of characters long.

extension SQLitePool {
    /// Runs `body` on a connection that reads, on this thread, and waits for it. All its statements see the database as it was
    /// at the first of them.
    ///
    /// Not for asynchronous code, whose threads must not block; the compiler sees to that. Waits in the same line as tasks do.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads, on this thread. It is interrupted at the end of `timeout`, but never abandoned: where SQLite cannot be
    ///     interrupted, the call takes longer.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. ``SQLiteError`` with the code `deadlineExceeded` if a statement was interrupted
    ///   because of `timeout`; others if the file cannot be opened or read. ``SQLiteError`` with the code `deadlock`, at once, if
    ///   this thread is in a body of this pool, and only bodies that wait alike could give a connection back. `PoolError` if no
    ///   connection came free in time, too many calls wait, or the pool is closed.
    @available(*, noasync, message: "Blocks the thread; use read, or readBlockingCooperativeThread.")
    public func readBlocking<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        // After the lease, which the function below ends.
        defer { resumeCheckpointAfterRead() }
        return try readOnce(until: Self.deadline(after: timeout), Caller(file, line), body)
    }

    @available(*, noasync)
    private func readOnce<Value>(
        until deadline: ContinuousClock.Instant?,
        _ caller: Caller,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        let lease = try checkOutBlocking(.reader, deadline, caller)
        let worker = lease.connection
        nonisolated(unsafe) let value = try worker.perform(
            deadline.map { Interruption(deadline: $0) },
            in: .snapshot,
            body
        )
        worker.giveBack(lease)
        return unsafe value
    }

    /// Runs `body` in a transaction, on this thread, and waits for it. The transaction is committed when `body` returns, and
    /// rolled back when it throws.
    ///
    /// Not for asynchronous code, whose threads must not block; the compiler sees to that. Waits in the same line as tasks do.
    /// Where writes are grouped, `body` runs on the connection's thread, and this waits for that.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes. It is interrupted at the end of `timeout`, but never abandoned.
    /// - Returns: What `body` returns; everything is committed then.
    /// - Throws: As `readBlocking`; nothing is changed then. ``SQLiteError`` with the code `readOnly`, before anything happens,
    ///   if the pool is for reading only; `transactionLost` if `body` returned although an error had rolled the transaction back.
    @available(*, noasync, message: "Blocks the thread; use write, or writeBlockingCooperativeThread.")
    public func writeBlocking<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        try checkMayWrite()
        let deadline = Self.deadline(after: timeout)
        let caller = Caller(file, line)
        if let group { return try writeInGroup(group, deadline, caller, body) }
        let held = HeldConnection(try checkOutBlocking(.writer, deadline, caller))
        defer { held.giveBack() }
        held.noteUse()
        return try held.worker.perform(deadline.map { Interruption(deadline: $0) }, in: .immediate, body)
    }

    /// Has the writer's thread run `body`, and waits for it.
    @available(*, noasync)
    private func writeInGroup<Value>(
        _ group: GroupCommit,
        _ deadline: ContinuousClock.Instant?,
        _ caller: Caller,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        var value: Value?
        try withoutActuallyEscaping({ db in value = try body(db) }) { (body: @escaping Body) in
            // It is called on another thread while this one waits, so that only one of them is where it came from.
            let request = Request(
                on: writer,
                .immediate,
                deadline: deadline,
                group: group,
                mayBeAbandoned: false,
                for: caller,
                body
            )
            let isNested = try detector.beginWait(for: .writer)
            defer { if isNested { detector.endWait() } }
            CallsInFlight.begin()
            defer { CallsInFlight.end() }
            request.start()
            Completion.block { request.notify($0) }
            try request.checkOutcome()
        }
        // Of the body's region, and of no other: nobody has seen it but this function.
        nonisolated(unsafe) let kept = value.take()!
        return unsafe kept
    }

    @available(*, noasync)
    private func checkOutBlocking(
        _ role: DeadlockDetector.Role,
        _ deadline: ContinuousClock.Instant?,
        _ caller: Caller
    ) throws -> ConnectionLease<SQLiteWorkerFactory> {
        let pool = role == .reader ? readers : writer
        // By itself, because it is inlined, and knows what a connection is.
        if let lease = pool.tryGet(for: caller) { return lease }
        let isNested = try detector.beginWait(for: role)
        defer { if isNested { detector.endWait() } }
        do {
            return try pool.getOrCreateBlocking(timeout: pool.patience(until: deadline), for: caller)
        } catch {
            throw error.cause
        }
    }
}

extension ConnectionPool<SQLiteWorkerFactory> {
    /// How long a call waits in line that has to be over at `deadline`.
    func patience(until deadline: ContinuousClock.Instant?) -> Duration {
        let patience = configuration.checkoutTimeout
        guard let deadline else { return patience }
        return min(patience, deadline - .now)
    }
}
