// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// These methods have their own names, because overload resolution takes the code of a
// `main.swift`, and a closure that is marked `throws` and not `async`, as synchronous.
//
// They block the calling thread during the wait for a connection and while SQLite works: for
// programs and threads without tasks. SQLite needs stack: up to four mebibytes for a `LIKE`
// pattern of tens of thousands of characters.

extension SQLitePool {
    /// Runs `body` on a reader, on this thread, which blocks. All statements see the snapshot of
    /// the first one.
    ///
    /// Asynchronous code must not block its thread, so the compiler refuses this method there. The
    /// call waits in the same FIFO queue as tasks.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads, on this thread. At the end of `timeout` its statement is interrupted, but
    ///     the body is never abandoned: if SQLite cannot be interrupted, the call takes longer.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. ``SQLiteError`` with the code `timedOut`
    ///   if `timeout` interrupted a statement; with the code `deadlock`, immediately, if this
    ///   thread is in a body of this pool and only bodies that also wait could release a
    ///   connection; with other codes if the file cannot be opened or read. `PoolError` if no
    ///   connection became available in time, too many calls wait, or the pool is closed.
    @available(*, noasync, message: "Blocks the thread; use read, or readBlockingCooperativeThread.")
    public func readBlocking<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        // Runs after the release of the lease in the function below.
        defer { resumeCheckpointAfterRead() }
        return try readOnce(until: Self.deadline(after: timeout), checkoutTimeout, CallSite(file, line), body)
    }

    @available(*, noasync)
    private func readOnce<Value>(
        until deadline: ContinuousClock.Instant?,
        _ checkoutTimeout: Duration?,
        _ caller: CallSite,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        let observed = self.file.observedCall(caller)
        let lease = try checkOutBlocking(.reader, deadline, checkoutTimeout, caller)
        let worker = lease.connection
        nonisolated(unsafe) let value = try worker.perform(
            deadline.map { Interruption(deadline: $0) },
            in: .snapshot,
            for: observed,
            body
        )
        worker.release(lease)
        return unsafe value
    }

    /// Runs `body` in a transaction, on this thread, which blocks. The transaction is committed
    /// when `body` returns, and rolled back when it throws.
    ///
    /// Asynchronous code must not block its thread, so the compiler refuses this method there. The
    /// call waits in the same FIFO queue as tasks. If writes share commits, `body` runs on the
    /// connection's thread, and this thread waits for it.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes. At the end of `timeout` its statement is interrupted, but the
    ///     body is never abandoned.
    /// - Returns: The result of `body`, after the commit.
    /// - Throws: As `readBlocking`; nothing has changed then. ``SQLiteError`` with the code
    ///   `readOnly`, before `body` runs, if the pool is read-only; with the code
    ///   `transactionAborted` if `body` returned after an error that rolled the transaction back.
    @discardableResult
    @available(*, noasync, message: "Blocks the thread; use write, or writeBlockingCooperativeThread.")
    public func writeBlocking<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        try checkMayWrite()
        let deadline = Self.deadline(after: timeout)
        let caller = CallSite(file, line)
        if let group { return try writeInGroup(group, deadline, checkoutTimeout, caller, body) }
        let observed = self.file.observedCall(caller)
        let held = HeldConnection(try checkOutBlocking(.writer, deadline, checkoutTimeout, caller))
        defer { held.release() }
        held.noteUse()
        let interruption = deadline.map { Interruption(deadline: $0) }
        return try held.worker.perform(interruption, in: .immediate, for: observed, body)
    }

    /// Runs `body` on the writer's thread, and blocks until it has ended.
    @available(*, noasync)
    private func writeInGroup<Value>(
        _ group: GroupCommit,
        _ deadline: ContinuousClock.Instant?,
        _ checkoutTimeout: Duration?,
        _ caller: CallSite,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        var value: Value?
        try withoutActuallyEscaping({ db in value = try body(db) }) { (body: @escaping Body) in
            // The body runs on another thread while this one waits, so that only one thread
            // accesses its captures at a time.
            let call = Call(
                on: writer,
                .immediate,
                deadline: deadline,
                checkoutTimeout: checkoutTimeout,
                group: group,
                mayBeAbandoned: false,
                for: caller,
                observed: self.file.observedCall(caller),
                body
            )
            let isNested = try detector.beginWait(for: .writer)
            defer { if isNested { detector.endWait() } }
            CallsInFlight.begin()
            defer { CallsInFlight.end() }
            call.start()
            Completion.block { call.notify($0) }
            try call.checkOutcome()
        }
        // The value belongs to the body's region alone: no other code has accessed it.
        nonisolated(unsafe) let kept = value.take()!
        return unsafe kept
    }

    @available(*, noasync)
    private func checkOutBlocking(
        _ role: DeadlockDetector.Role,
        _ deadline: ContinuousClock.Instant?,
        _ checkoutTimeout: Duration?,
        _ caller: CallSite
    ) throws -> ConnectionLease<SQLiteWorkerFactory> {
        let pool = role == .reader ? readers : writer
        // A separate `tryGet`, because it is inlined and specialized for the connection type.
        if let lease = pool.tryGet(for: caller) { return lease }
        let isNested = try detector.beginWait(for: role)
        defer { if isNested { detector.endWait() } }
        do {
            return try pool.getOrCreateBlocking(timeout: pool.waitLimit(until: deadline, checkoutTimeout), for: caller)
        } catch {
            throw error.cause
        }
    }
}

extension ConnectionPool<SQLiteWorkerFactory> {
    /// Returns the longest time that a call waits for a connection.
    ///
    /// - Parameters:
    ///   - deadline: The deadline of the whole call; `nil` for none.
    ///   - checkoutTimeout: The call's time limit of the wait; `nil` for the pool's.
    func waitLimit(until deadline: ContinuousClock.Instant?, _ checkoutTimeout: Duration?) -> Duration {
        let timeout = checkoutTimeout ?? configuration.checkoutTimeout
        guard let deadline else { return timeout }
        return min(timeout, deadline - .now)
    }
}
