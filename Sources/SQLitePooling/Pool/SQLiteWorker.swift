// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The element of the two connection pools: a connection with its thread. The lease holder is its
/// only user.
@safe
final class SQLiteWorker: Sendable {
    let thread: ConnectionThread
    /// Whether writes share transactions.
    private let sharesCommits: Bool
    private let counter: ConnectionCounter
    private let detector: DeadlockDetector
    private let role: DeadlockDetector.Role
    private let opening: @Sendable () throws(SQLiteError) -> Session
    private let canBeReused = Atomic(false)
    /// The tests and hooks of the connection between its uses; `nil` if there are none.
    private let policy: UsePolicy?

    // Accessed only for the lease holder: on the connection's thread, or on another thread while
    // the connection's thread sleeps.
    private nonisolated(unsafe) var session: Session?
    private nonisolated(unsafe) var record = UsePolicy.Record()

    /// Starts the thread. The connection is opened later.
    ///
    /// - Parameters:
    ///   - name: The name of the thread, if it is not shared.
    ///   - threads: The threads that the connection shares; `nil` for a thread of its own.
    ///   - sharesCommits: Whether writes share transactions.
    ///   - counter: The counter of the connections.
    ///   - detector: The detector that records which threads hold the connection.
    ///   - role: The role of the connection for the detector.
    ///   - policy: The tests and hooks between the uses of the connection.
    ///   - opening: Opens a session; called on the thread.
    /// - Throws: `SQLiteError` with the code `threadUnavailable`.
    init(
        name: String,
        threads: SharedThreads?,
        sharesCommits: Bool,
        counter: ConnectionCounter,
        detector: DeadlockDetector,
        role: DeadlockDetector.Role,
        policy: UsePolicy?,
        opening: @escaping @Sendable () throws(SQLiteError) -> Session
    ) throws(SQLiteError) {
        thread =
            if let threads { try ConnectionThread(sharing: threads) } else { try ConnectionThread(name: name) }
        self.sharesCommits = sharesCommits
        self.counter = counter
        self.detector = detector
        self.role = role
        self.policy = policy
        self.opening = opening
    }

    deinit {
        // The session was not closed: the last work item closes it. The item keeps the thread
        // until the thread has taken it.
        guard let session = unsafe session else { return }
        nonisolated(unsafe) let abandoned = session
        thread.submit(
            ClosureWorkItem { [thread, counter] in
                unsafe abandoned.close()
                counter.countClose()
                withExtendedLifetime(thread) {}
            }
        )
    }

    /// Whether the connection can be used again after the last body.
    var isReusable: Bool { canBeReused.load(ordering: .acquiring) }

    /// Opens the connection on its thread.
    func open() async throws(SQLiteError) {
        let failure = await withCheckedContinuation { (opened: CheckedContinuation<SQLiteError?, Never>) in
            thread.submit(ClosureWorkItem { [self] in opened.resume(returning: makeSession()) })
        }
        if let failure { throw failure }
        // Also orders the session for the thread sanitizer, which does not see a continuation that
        // is resumed early.
        assert(isReusable)
    }

    private func makeSession() -> SQLiteError? {
        do throws(SQLiteError) {
            // The setup and the hook `afterConnect` run in it.
            unsafe session = try detector.whileHolding(role, opening)
            if let policy { unsafe record = UsePolicy.Record(openedAt: policy.now) }
            canBeReused.store(true, ordering: .releasing)
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

    /// Calls `body` with the session, on this thread. The caller holds the lease.
    ///
    /// - Throws: The error of `body`; `SQLiteError` with the code `closed`, or as
    ///   ``sessionForUse()``.
    func withSession(_ body: (Session) throws -> Void) throws {
        let session = try sessionForUse()
        defer { if session.mustBeReplaced { canBeReused.store(false, ordering: .releasing) } }
        defer { endUse(of: session) }
        try whileRunningBody { () throws in try body(session) }
    }

    /// Calls `body`, which runs a caller's body, and records during that time that this thread
    /// holds the connection.
    func whileRunningBody<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
        try detector.whileHolding(role, body)
    }

    /// Runs a body on this thread. The caller holds the lease.
    ///
    /// - Parameters:
    ///   - interruption: The interruption of the call; `nil` if nothing can interrupt it.
    ///   - scope: The transaction that the body runs in.
    ///   - observed: The record of the call for the observers of statements.
    ///   - body: The function that receives the connection.
    /// - Returns: The result of the body.
    /// - Throws: As the session's `perform`; `SQLiteError` with the code `closed`.
    func perform<Value>(
        _ interruption: Interruption?,
        in scope: TransactionScope,
        for observed: ObservedCall?,
        _ body: (borrowing SQLiteConnection) throws -> sending Value
    ) throws -> sending Value {
        var value: Value?
        try withSession { session in
            if let observed { session.observedCall = observed.withConnection() }
            defer { if observed != nil { session.observedCall = nil } }
            try session.perform(interruption, in: scope) { value = try body($0) }
        }
        // The value belongs to the body's region alone: no other code has accessed it.
        nonisolated(unsafe) let kept = value.take()!
        return unsafe kept
    }

    // MARK: Groups of writes

    /// Records whether the connection can be used again.
    func updateReusability(of session: Session) {
        if session.mustBeReplaced { canBeReused.store(false, ordering: .releasing) }
    }

    /// Replaces a session that must not be used again. Called on the thread.
    ///
    /// A group releases the connection before it can fail, and the next call may already hold it.
    /// In all other cases the pool inspects the connection when it is released.
    func replaceSessionIfNeeded() {
        guard sharesCommits, let session = unsafe session, session.mustBeReplaced else { return }
        closeSession()
        // If the connection cannot be opened, the call fails with the code `closed`, and the
        // release frees the slot.
        _ = makeSession()
    }

    /// Replaces a session that the next call must not use. Called on the thread.
    ///
    /// - Throws: The error of opening the new session.
    func replaceSession() throws(SQLiteError) {
        canBeReused.store(false, ordering: .releasing)
        closeSession()
        if let failure = makeSession() { throw failure }
    }

    // MARK: Tests and hooks

    /// Returns the session for a body or a group of writes, which calls ``endUse(of:)`` at its
    /// end.
    ///
    /// A session that fails the test of an idle connection, or that the hook `beforeHandOut`
    /// rejects, is replaced.
    ///
    /// - Throws: `SQLiteError` with the code `closed`, `connectFailed` if the hook rejects a new
    ///   session, or the error of opening it.
    func sessionForUse() throws(SQLiteError) -> Session {
        guard let current = unsafe session else { throw SQLiteError(.closed, "the connection is closed") }
        guard let policy else { return current }
        let isAdmitted = detector.whileHolding(role) { unsafe policy.admits(current, record) }
        if isAdmitted { return current }
        try replaceSession()
        guard let new = unsafe session,
            detector.whileHolding(role, { unsafe policy.approves(new, record) })
        else {
            canBeReused.store(false, ordering: .releasing)
            throw SQLiteError(.connectFailed, "the hook beforeHandOut has rejected a new connection")
        }
        return new
    }

    /// Ends a use of the session: counts it and runs the hook `afterReturn`.
    func endUse(of session: Session) {
        guard let policy else { return }
        detector.whileHolding(role) { unsafe policy.endUse(of: session, &record) }
    }

    /// Tests the connection on its thread. The caller holds the lease.
    ///
    /// - Returns: Whether the connection can read the file, which is still at its path.
    func test() async -> Bool {
        await withCheckedContinuation { tested in
            thread.submit(
                ClosureWorkItem { [self] in tested.resume(returning: unsafe session?.canReadFile ?? false) }
            )
        }
    }

    // MARK: Release and maintenance

    /// Releases a lease of this worker after use on another thread. If maintenance is due, the
    /// thread does it before the release.
    func release(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) {
        guard unsafe session?.isMaintenanceDue == true else { return }
        let held = HeldLease(lease)
        thread.submit(
            ClosureWorkItem { [self] in
                maintain()
                held.end()
            }
        )
    }

    /// Does the maintenance that is due. Called on the thread.
    func maintain() {
        guard let session = unsafe session else { return }
        session.maintain()
        updateReusability(of: session)
    }

    /// Closes the connection on its thread, which ends when the worker is released.
    func close() async {
        await withCheckedContinuation { closed in
            thread.submit(
                ClosureWorkItem { [self] in
                    closeSession()
                    closed.resume()
                }
            )
        }
    }
}
