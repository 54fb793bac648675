// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Runs `body` in a transaction, as ``write(timeout:checkoutTimeout:file:line:_:)`` does, and
    /// then `later` on another connection, which sees exactly the state that the transaction has
    /// left: the snapshot is taken after the commit and before the next write.
    ///
    /// ```swift
    /// let (id, report) = try await pool.write { db in
    ///     try db.execute("INSERT INTO entry …").lastInsertedRowID
    /// } thenRead: { db in
    ///     try db.query("SELECT …", as: String.self)
    /// }
    /// ```
    ///
    /// Other calls can write while `later` runs. The call acquires both connections before the
    /// write, the writer first. So if many calls read, the write waits longer than otherwise, and
    /// so do the writes behind it.
    ///
    /// Suspends until both connections are available and both bodies have run, on the threads of
    /// these connections. The write shares its commit with no other write.
    ///
    /// - Parameters:
    ///   - timeout: The time limit of the whole call; `nil`, the default, for no limit once it has
    ///     its connections.
    ///   - checkoutTimeout: The time limit of the wait for each connection; by default the
    ///     configuration's.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes.
    ///   - later: Reads.
    /// - Returns: The results of both bodies.
    /// - Throws: As `write`, and nothing has changed then. The error of `later`, unchanged, or the
    ///   error that keeps `later` from completing, such as a cancellation: in these cases the
    ///   transaction **is** committed.
    public func write<Written, Read>(
        timeout: Duration? = nil,
        checkoutTimeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Written,
        thenRead later: sending @escaping (borrowing SQLiteConnection) throws -> sending Read
    ) async throws -> sending (written: Written, read: Read) {
        try checkMayWrite()
        let deadline = Self.deadline(after: timeout)
        let caller = CallSite(file, line)
        let writing = HeldConnection(try await writer.checkOut(until: deadline, checkoutTimeout, for: caller))
        let reading = try await reader(beside: writing, until: deadline, checkoutTimeout, for: caller)
        let written = try await run(
            on: writer,
            .immediateAlone,
            until: deadline,
            connection: writing,
            for: caller,
            body
        )
        let snapshot = TransactionScope.snapshotNow { writing.release() }
        let read = try await run(on: readers, snapshot, until: deadline, connection: reading, for: caller, later)
        return (written, read)
    }
}

extension SQLitePool {
    /// Checks out a reader for a call that holds the writer.
    private func reader(
        beside writing: HeldConnection,
        until deadline: ContinuousClock.Instant?,
        _ checkoutTimeout: Duration?,
        for caller: CallSite
    ) async throws -> HeldConnection {
        if let idle = readers.tryGet(for: caller) { return HeldConnection(idle) }
        let call = UInt(bitPattern: ObjectIdentifier(writing))
        try detector.beginWaitForReader(of: call)
        defer { detector.endWait(of: call) }
        return HeldConnection(try await readers.checkOut(until: deadline, checkoutTimeout, for: caller))
    }
}
