// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// What the pool pools: a connection with its thread. Whoever has checked it out is its only user.
@safe
final class SQLiteWorker: Sendable {
    let thread: ConnectionThread
    /// Whether writes share transactions.
    private let sharesCommits: Bool
    private let counter: ConnectionCounter
    private let detector: DeadlockDetector
    private let role: DeadlockDetector.Role
    private let opening: @Sendable () throws(SQLiteError) -> Session
    private let mayBeUsedAgain = Atomic(false)

    // Touched by whoever has checked the worker out: on the thread, or on one that has the connection lent to it while its
    // own thread sleeps.
    private nonisolated(unsafe) var session: Session?

    /// Starts the thread, without a connection yet.
    ///
    /// - Parameters:
    ///   - name: The thread's name.
    ///   - sharesCommits: Whether writes share transactions.
    ///   - counter: Counts connections.
    ///   - detector: Is told which threads have the connection.
    ///   - role: What the connection is to the detector.
    ///   - opening: Makes a session; called on the thread.
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(
        name: String,
        sharesCommits: Bool,
        counter: ConnectionCounter,
        detector: DeadlockDetector,
        role: DeadlockDetector.Role,
        opening: @escaping @Sendable () throws(SQLiteError) -> Session
    ) throws(SQLiteError) {
        thread = try ConnectionThread(name: name)
        self.sharesCommits = sharesCommits
        self.counter = counter
        self.detector = detector
        self.role = role
        self.opening = opening
    }

    deinit {
        // Never closed: the last work is to do that.
        guard let session = unsafe session else { return }
        nonisolated(unsafe) let abandoned = session
        thread.submit(Errand { unsafe abandoned.close() })
    }

    /// Whether the last body has left the connection in order.
    var isReusable: Bool { mayBeUsedAgain.load(ordering: .acquiring) }

    /// Opens the connection, on its thread.
    func open() async throws(SQLiteError) {
        let failure = await withCheckedContinuation { (opened: CheckedContinuation<SQLiteError?, Never>) in
            thread.submit(Errand { [self] in opened.resume(returning: makeSession()) })
        }
        if let failure { throw failure }
        // Also tells the thread sanitizer that the session is there: of a continuation that is resumed early it does not know.
        assert(isReusable)
    }

    private func makeSession() -> SQLiteError? {
        do throws(SQLiteError) {
            unsafe session = try opening()
            mayBeUsedAgain.store(true, ordering: .releasing)
            counter.countCreation()
            return nil
        } catch {
            return error
        }
    }

    private func closeSession() {
        guard let session = unsafe session else { return }
        session.close()
        unsafe self.session = nil
        counter.countClose()
    }

    /// Calls `body` with the session, on this thread. For whoever has checked the worker out.
    ///
    /// - Throws: What `body` throws; `SQLiteError` with the code `closed`.
    func withSession(_ body: (Session) throws -> Void) throws {
        guard let session = unsafe session else { throw SQLiteError(.closed, "the connection is closed") }
        defer { if session.isSpent { mayBeUsedAgain.store(false, ordering: .releasing) } }
        try noting { () throws in try body(session) }
    }

    /// Calls `body`, which runs a body of a call, and notes for that time that this thread has the connection.
    func noting<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
        try detector.withNote(of: role, body)
    }

    /// Runs a body on this thread. For whoever has checked the worker out.
    ///
    /// - Returns: What the body returns.
    /// - Throws: As the session's `perform`; `SQLiteError` with the code `closed`.
    func perform<Value>(
        _ interruption: Interruption?,
        in scope: TransactionScope,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        var value: Value?
        try withSession { session in
            try session.perform(interruption, in: scope) { value = try body($0) }
        }
        // Of the body's region, and of no other: nobody has seen it but this function.
        nonisolated(unsafe) let kept = value.take()!
        return unsafe kept
    }

    // MARK: Groups of writes

    /// The session, for a group, which calls ``judge(_:)`` at its end.
    func sessionForGroup() throws -> Session {
        guard let session = unsafe session else { throw SQLiteError(.closed, "the connection is closed") }
        return session
    }

    /// Notes whether the connection may be used again.
    func judge(_ session: Session) {
        if session.isSpent { mayBeUsedAgain.store(false, ordering: .releasing) }
    }

    /// Exchanges a connection that is not to be used again. On the thread.
    ///
    /// A group has given it back before it failed, and the next call has it already. Everybody else's connection is judged
    /// when it comes back.
    func repair() {
        guard sharesCommits, let session = unsafe session, session.isSpent else { return }
        closeSession()
        // If it cannot be opened, the call fails because it is closed, and gives the place back for another attempt.
        _ = makeSession()
    }

    // MARK: -

    /// Ends a lease of this worker that was used on another thread; if maintenance is due, not before the thread has done it.
    func giveBack(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) {
        guard unsafe session?.isMaintenanceDue == true else { return }
        let held = HeldLease(lease)
        thread.submit(
            Errand { [self] in
                maintain()
                held.end()
            }
        )
    }

    /// Does the maintenance that is due. On the thread.
    func maintain() {
        guard let session = unsafe session else { return }
        session.maintain()
        judge(session)
    }

    /// Closes the connection, on its thread, which ends with the object.
    func close() async {
        await withCheckedContinuation { closed in
            thread.submit(
                Errand { [self] in
                    closeSession()
                    closed.resume()
                }
            )
        }
    }
}

/// A lease on its way to where it ends.
private final class HeldLease: Sendable {
    private let lease: Locked<ConnectionLease<SQLiteWorkerFactory>?>

    init(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) { self.lease = Locked(lease) }

    func end() {
        let lease = lease.withLock { $0.take() }
        lease?.release()
    }
}
