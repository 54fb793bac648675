// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

extension SQLitePool {
    /// Runs `body` in a transaction, as ``write(timeout:file:line:_:)`` does, and then `later` on another connection, which sees the
    /// database exactly as the transaction has left it: its snapshot is taken after the commit and before the next write begins.
    ///
    /// ```swift
    /// let (id, report) = try await pool.write { db in
    ///     try db.execute("INSERT INTO entry …").lastInsertedRowID
    /// } thenRead: { db in
    ///     try db.query("SELECT …", as: String.self)
    /// }
    /// ```
    ///
    /// While `later` runs, others write. Both connections are there before anything is written, the one that writes first: so a write
    /// waits longer than otherwise where many read, and others with it.
    ///
    /// Suspends until both connections are free and both bodies have run, on those connections' threads. The write shares its
    /// commit with no other.
    ///
    /// - Parameters:
    ///   - timeout: How long the call may take altogether; `nil`, the default, for no limit once it has its connections.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Reads and writes.
    ///   - later: Reads.
    /// - Returns: What both return.
    /// - Throws: As `write`, and nothing is changed then. What `later` throws, unchanged, or what keeps it from running to its end, such as
    ///   a cancellation: then everything **is** committed.
    public func write<Written, Read>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Written,
        thenRead later: sending @escaping (borrowing SQLiteConnection) throws -> sending Read
    ) async throws -> sending (written: Written, read: Read) {
        try checkMayWrite()
        let deadline = Self.deadline(after: timeout)
        let caller = Caller(file, line)
        let writing = HeldConnection(try await writer.checkOut(until: deadline, for: caller))
        let reading = try await reader(beside: writing, until: deadline, for: caller)
        let written = try await run(
            on: writer,
            .immediateAlone,
            until: deadline,
            connection: writing,
            for: caller,
            body
        )
        let snapshot = TransactionScope.snapshotNow { writing.giveBack() }
        let read = try await run(on: readers, snapshot, until: deadline, connection: reading, for: caller, later)
        return (written, read)
    }
}

extension SQLitePool {
    /// Checks a reader out for a call that has the writer.
    private func reader(
        beside writing: HeldConnection,
        until deadline: ContinuousClock.Instant?,
        for caller: Caller
    ) async throws -> HeldConnection {
        if let idle = readers.tryGet(for: caller) { return HeldConnection(idle) }
        let call = UInt(bitPattern: ObjectIdentifier(writing))
        try detector.beginWaitForReader(of: call)
        defer { detector.endWait(of: call) }
        return HeldConnection(try await readers.checkOut(until: deadline, for: caller))
    }
}

/// A connection that a call uses and does not give back.
///
/// It goes back when it is given back, or with the last reference.
final class HeldConnection: Sendable {
    private let lease: Locked<ConnectionLease<SQLiteWorkerFactory>?>
    let worker: SQLiteWorker
    /// Whether a call has run on it. Before that, a group of writes may still run, and the connection is its alone.
    private let isUsed = Atomic(false)

    init(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) {
        worker = lease.connection
        self.lease = Locked(consume lease)
    }

    /// Notes that a call runs on it.
    func noteUse() { isUsed.store(true, ordering: .releasing) }

    func giveBack() {
        guard let lease = lease.withLock({ $0.take() }) else { return }
        if isUsed.load(ordering: .acquiring) { worker.giveBack(lease) } else { lease.release() }
    }

    deinit { giveBack() }
}
