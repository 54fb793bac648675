// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// The task's own thread runs SQLite. That saves the two switches of threads, and blocks the
// thread, as the names say.

extension SQLitePool {
    /// Runs `body` on a reader, on the thread of the task, which **blocks** until `body` has
    /// ended.
    ///
    /// Suspends while no connection is available, and then blocks. All tasks of a program share a
    /// few threads, as many as there are processors. While SQLite waits for the disk or runs a
    /// long statement, one of these threads does nothing else. Use this method only for reads that
    /// are known to be short and in memory; it saves a few microseconds. Use
    /// ``SQLitePool/read(timeout:checkoutTimeout:file:line:_:)`` for everything else.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads.
    /// - Returns: The result of `body`.
    /// - Throws: As the asynchronous `read`.
    public func readBlockingCooperativeThread<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        // Runs after the release of the lease in the function below.
        defer { resumeCheckpointAfterRead() }
        return try await readOnce(
            Interruption(deadline: Self.deadline(after: timeout)),
            checkoutTimeout,
            CallSite(file, line),
            body
        )
    }

    private func readOnce<Value>(
        _ interruption: Interruption,
        _ checkoutTimeout: Duration?,
        _ caller: CallSite,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        let observed = self.file.observedCall(caller)
        let lease = try await readers.checkOut(until: interruption.deadline, checkoutTimeout, for: caller)
        return try await readHere(lease, interruption, in: .snapshot, for: observed, body)
    }

    /// Runs a body on a leased reader, on the thread of the task, which blocks.
    func readHere<Value>(
        _ lease: consuming ConnectionLease<SQLiteWorkerFactory>,
        _ interruption: Interruption,
        in scope: TransactionScope,
        for observed: ObservedCall?,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        // The value belongs to the body's region, which the signature of the cancellation handler
        // does not express.
        let worker = lease.connection
        nonisolated(unsafe) let value = try await withTaskCancellationHandler {
            try worker.perform(interruption, in: scope, for: observed, body)
        } onCancel: {
            interruption.stop(.cancelled)
        }
        worker.release(lease)
        return unsafe value
    }

    /// Runs `body` in a transaction, on the thread of the task, which **blocks** until `body` has
    /// ended and the transaction is committed. The thread also blocks while another process holds
    /// the write lock.
    ///
    /// Suspends while the writer is not available, and then blocks. The limits of
    /// ``readBlockingCooperativeThread(timeout:checkoutTimeout:file:line:_:)`` apply, and a commit
    /// waits for the disk more often. If writes share commits, this method behaves as the
    /// asynchronous `write`, because a group runs on the connection's thread.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     a connection.
    ///   - checkoutTimeout: The time limit of the wait for a connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes.
    /// - Returns: The result of `body`, after the commit.
    /// - Throws: As the asynchronous `write`.
    @discardableResult
    public func writeBlockingCooperativeThread<Value>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        if group != nil {
            return try await write(timeout: timeout, checkoutTimeout: checkoutTimeout, file: file, line: line, body)
        }
        try checkMayWrite()
        let interruption = Interruption(deadline: Self.deadline(after: timeout))
        let caller = CallSite(file, line)
        let observed = self.file.observedCall(caller)
        let held = HeldConnection(
            try await writer.checkOut(until: interruption.deadline, checkoutTimeout, for: caller)
        )
        defer { held.release() }
        held.noteUse()
        nonisolated(unsafe) let value = try await withTaskCancellationHandler {
            try held.worker.perform(interruption, in: .immediate, for: observed, body)
        } onCancel: {
            interruption.stop(.cancelled)
        }
        return unsafe value
    }
}

extension ConnectionPool<SQLiteWorkerFactory> {
    /// Checks out a connection for a call with a deadline.
    func checkOut(
        until deadline: ContinuousClock.Instant?,
        _ checkoutTimeout: Duration?,
        for caller: CallSite
    ) async throws -> ConnectionLease<SQLiteWorkerFactory> {
        do {
            return try await getOrCreate(timeout: waitLimit(until: deadline, checkoutTimeout), for: caller)
        } catch {
            throw error.cause
        }
    }
}
