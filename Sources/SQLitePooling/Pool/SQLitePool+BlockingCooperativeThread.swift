// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// In place: a task's own thread runs SQLite. What that saves is the way to another thread and back; what it costs is in the names.

extension SQLitePool {
    /// Runs `body` on a connection that reads, on the thread that the task runs on, which is **blocked** until `body` has ended.
    ///
    /// Suspends while no connection is free; then it does not. All tasks of a program share a few threads, as many as there are
    /// processors, and while SQLite waits for the disk, or works through a long statement, one of those does nothing else. So
    /// this is for reads that are known to be short and in memory, and saves a few microseconds then. Anything else belongs into
    /// ``SQLitePool/read(timeout:file:line:_:)``.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads.
    /// - Returns: What `body` returns.
    /// - Throws: As the asynchronous `read`.
    public func readBlockingCooperativeThread<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        // After the lease, which the function below ends.
        defer { resumeCheckpointAfterRead() }
        return try await readOnce(Interruption(deadline: Self.deadline(after: timeout)), Caller(file, line), body)
    }

    private func readOnce<Value>(
        _ interruption: Interruption,
        _ caller: Caller,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        let lease = try await readers.checkOut(until: interruption.deadline, for: caller)
        // Of the body's region; the handler's function does not say so of what it returns.
        let worker = lease.connection
        nonisolated(unsafe) let value = try await withTaskCancellationHandler {
            try worker.perform(interruption, in: .snapshot, body)
        } onCancel: {
            interruption.stop(.cancelled)
        }
        worker.giveBack(lease)
        return unsafe value
    }

    /// Runs `body` in a transaction, on the thread that the task runs on, which is **blocked** until `body` has ended and
    /// everything is committed, or another process has let go of its lock.
    ///
    /// Suspends while the connection is not free; then it does not. The same holds for it as for ``readBlockingCooperativeThread(timeout:file:line:_:)``,
    /// and a commit more often has to wait for the disk. Where writes are grouped, this is as the asynchronous `write`, because
    /// a group has a thread; the task is suspended then.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has a connection.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes.
    /// - Returns: What `body` returns; everything is committed then.
    /// - Throws: As the asynchronous `write`.
    public func writeBlockingCooperativeThread<Value>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) async throws -> sending Value {
        if group != nil { return try await write(timeout: timeout, file: file, line: line, body) }
        try checkMayWrite()
        let interruption = Interruption(deadline: Self.deadline(after: timeout))
        let caller = Caller(file, line)
        let held = HeldConnection(try await writer.checkOut(until: interruption.deadline, for: caller))
        defer { held.giveBack() }
        held.noteUse()
        nonisolated(unsafe) let value = try await withTaskCancellationHandler {
            try held.worker.perform(interruption, in: .immediate, body)
        } onCancel: {
            interruption.stop(.cancelled)
        }
        return unsafe value
    }
}

extension ConnectionPool<SQLiteWorkerFactory> {
    /// Checks a connection out for a call that has to be over at `deadline`.
    func checkOut(
        until deadline: ContinuousClock.Instant?,
        for caller: Caller
    ) async throws -> ConnectionLease<SQLiteWorkerFactory> {
        do {
            return try await getOrCreate(timeout: patience(until: deadline), for: caller)
        } catch {
            throw error.cause
        }
    }
}
