// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

/// The owner of one libpq connection handle.
///
/// libpq's `PGconn` may be used by one thread at a time. The lease holder owns it. While the lease
/// holder waits for the server, the reactor's thread owns it, until it resumes the task.
@safe
final class Session: @unchecked Sendable {
    /// libpq's `PGconn`. Only the owner uses it.
    let handle: OpaquePointer
    let token: UInt64
    let reactor: Reactor
    let wait = Locked(Wait())

    /// libpq's identifier of UTF-8, which every row of a stream compares with.
    let utf8 = ClientEncoding.identifier

    /// Whether the connection is encrypted. The TLS library may buffer bytes that the socket has
    /// already delivered.
    let isEncrypted: Bool

    /// The notices that have arrived with the pending answer. Only the owner uses it.
    @safe @exclusivity(unchecked) var notices = ReceivedNotices()

    /// The observers of statements; `nil` if there are none.
    let statementObservers: StatementObservers?

    private let onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?

    /// Notified, on the reactor's thread, when an idle connection receives something.
    let watcher: PoolWatcher

    /// Decides whether a task spins for its answer before it waits.
    let spinPolicy: SpinPolicy

    /// Whether input may be left that the poller does not report again, because a read stopped at
    /// a complete result or at the end of a turn. Only the owner uses it. It is atomic because the
    /// thread sanitizer does not see every way in which a wait orders the reactor's thread and the
    /// task's.
    let mayHaveMore = Atomic(false)

    /// Whether input arrived while no task waited. The poller does not report it again. Set with
    /// `wait` locked.
    let sawActivity = Atomic(false)

    /// Whether the poller has reported that the server has closed the connection. It does not
    /// report that again, and the end may follow an answer that is complete.
    let isPeerClosed = Atomic(false)

    /// Whether the connection is unused since its release.
    let isIdle = Atomic(false)

    /// The number of bytes that the server has sent unsolicited since the last statement. Only the
    /// owner uses it.
    @safe @exclusivity(unchecked) var idleBytes = 0

    /// Whether the connection is abandoned: the server has sent too much, or a statement was sent
    /// in part.
    let isAbandoned = Atomic(false)

    /// The number of reads in the last turn. Only the owner uses it.
    let lastReads = Atomic(0)

    /// The processor time, in nanoseconds, for which the reactor has read an answer that is being
    /// discarded. Only the owner uses it.
    let discardingTime = Atomic<UInt64>(0)

    /// The notifications that have arrived; `nil` if the session does not listen. Only the owner
    /// uses it.
    @safe @exclusivity(unchecked) var notifications: [ReceivedNotification]?

    /// Whether another task wants the owner to end its wait; see `wake()`.
    let isWoken = Atomic(false)

    private let isInUse = Atomic(false)

    /// Whether the pool no longer waits for the lease holder.
    let isShutDown = Atomic(false)

    /// A counter that changes with each statement and at the end of each lease. Only the owner
    /// writes it.
    let statements = Atomic(0)

    /// A counter that changes at the end of each lease. Only the owner writes it.
    let leases = Atomic(0)

    /// The key for cancel requests; `nil` if memory for it was lacking.
    let cancelKey: CancelKey?

    /// The reason why the server has ended the session, or is about to. Set within libpq's calls.
    /// Only the owner uses it.
    @safe @exclusivity(unchecked) var endReason: PostgresError.ServerFields?

    /// The state of the session. Only the owner uses it, and no access to it calls out or
    /// suspends, so the runtime need not check exclusivity.
    @safe @exclusivity(unchecked) var state: SessionState

    /// Takes ownership of an established, nonblocking connection.
    ///
    /// - Returns: `nil` if the system cannot watch the socket. The connection is then closed.
    init?(
        _ handle: OpaquePointer,
        statementCacheCapacity: Int,
        reactor: Reactor,
        onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?,
        statementObservers: StatementObservers?,
        watcher: PoolWatcher
    ) {
        unsafe self.handle = handle
        state = SessionState(statements: StatementCache(capacity: statementCacheCapacity))
        unsafe cancelKey = CancelKey(of: handle)
        self.reactor = reactor
        self.watcher = watcher
        token = Reactor.makeToken()
        isEncrypted = unsafe (PQsslInUse(handle) != 0 || PQgssEncInUse(handle) != 0)
        spinPolicy = SpinPolicy(socket: unsafe PQsocket(handle))
        self.onNotice = onNotice
        self.statementObservers = statementObservers
        // The session outlives libpq's object, which it closes itself.
        unsafe PQsetNoticeReceiver(handle, Session.receiveNotice, Unmanaged.passUnretained(self).toOpaque())
        guard reactor.add(self, descriptor: unsafe PQsocket(handle)) else {
            unsafe PQfinish(handle)
            return nil
        }
    }

    /// Receives a notice. libpq calls it within a call of the owner; the result is valid during
    /// that call.
    private static let receiveNotice: PQnoticeReceiver = { context, notice in
        guard let context = unsafe context, let notice = unsafe notice else { return }
        let session = unsafe Unmanaged<Session>.fromOpaque(context).takeUnretainedValue()
        let fields = PostgresError.ServerFields { code in
            unsafe PQresultErrorField(notice, Int32(code.asciiValue!)).map { unsafe String(cString: $0) }
        }
        if fields.explainsEnd { session.endReason = fields }
        if session.state.isAnswerPending { session.notices.append(fields) }
        session.onNotice?(fields)
    }

    /// Closes the connection. Only the owner calls it, and nothing may use the session afterwards.
    func close() {
        // A request that has not begun has become pointless.
        state.cancelRequest?.withdraw()
        reactor.remove(self, descriptor: unsafe PQsocket(handle))
        unsafe PQfinish(handle)
    }

    /// Consumes what arrived while no task waited, and watches the idle connection.
    ///
    /// - Returns: Whether the connection is still usable.
    func watch() -> Bool {
        // Under the lock: the reactor sets `sawActivity` and reads `isIdle` there, so one of the
        // two sees what the other wrote.
        while wait.withLock({ _ in
            isIdle.store(true, ordering: .relaxed)
            return takeActivity()
        }), !isLost {
            consumeIdle()
        }
        if isLost { return false }
        reactor.poller.arm(unsafe PQsocket(handle), token: token, for: .reading)
        return true
    }

    /// Marks the connection for replacement.
    func abandon() { isAbandoned.store(true, ordering: .relaxed) }

    /// Whether the idle connection has received something that is not consumed. Any thread may
    /// ask.
    var hasUnreadActivity: Bool { isIdle.load(ordering: .relaxed) && sawActivity.load(ordering: .relaxed) }

    /// Whether the connection is abandoned, or libpq knows that it is lost.
    var isLost: Bool {
        unsafe (PQstatus(handle) == CONNECTION_BAD || PQsocket(handle) < 0) || isAbandoned.load(ordering: .relaxed)
    }

    // MARK: Use

    /// Prepares for the answer to the next statement: consumes what arrived before it.
    ///
    /// - Throws: `PostgresError` if the connection is abandoned. Nothing is sent then.
    func expectAnswer(sql: String) throws(PostgresError) {
        isIdle.store(false, ordering: .relaxed)
        consumeUnsolicited()
        idleBytes = 0
        state.wasInTransaction = unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
        state.wasEnded = endReason?.isFatal ?? false
        if isAbandoned.load(ordering: .relaxed) { throw abandoned(sql: sql, isSent: false) }
    }

    /// Consumes what arrived while no answer was pending, such as the end of the session.
    func consumeUnsolicited() {
        guard takeActivity() else { return }
        // Without the limit of a pool's connection, whose notifications are discarded.
        if notifications != nil {
            receiveNotifications()
            return
        }
        consumeIdle()
        parse()
    }

    /// Consumes unsolicited input, and polls the socket itself: the reactor may not have seen the
    /// latest input yet.
    func pollForEnd() {
        if hasMore { consumeIdle() }
        parse()
    }

    /// Returns whether input is left to consume, and clears the flag. The caller must consume that
    /// input.
    func takeActivity() -> Bool {
        // An exchange, so that the caller that clears the flag sees the latest input.
        sawActivity.load(ordering: .relaxed) && sawActivity.exchange(false, ordering: .acquiring)
    }

    /// Records that an answer has been read to its end. The poller reports later input, except
    /// the end of the connection if it has reported that.
    func endAnswer() {
        mayHaveMore.store(false, ordering: .relaxed)
        if isPeerClosed.load(ordering: .relaxed) { sawActivity.store(true, ordering: .releasing) }
        takeNotifications()
        if discardingTime.load(ordering: .relaxed) != 0 { discardingTime.store(0, ordering: .relaxed) }
    }

    /// Begins a use of the connection. Traps if two tasks use the connection at once.
    func beginUse() {
        let wasInUse = isInUse.exchange(true, ordering: .acquiring)
        precondition(!wasInUse, "A PostgreSQL connection, or a stream of its rows, is used from two tasks at once.")
    }

    func endUse() { isInUse.store(false, ordering: .releasing) }

    /// Ends the current stream of rows before another statement.
    ///
    /// - Returns: The new value of `statements`.
    @discardableResult
    func endStreams() -> Int {
        let number = statements.load(ordering: .relaxed) &+ 1
        statements.store(number, ordering: .relaxed)
        return number
    }

    /// Invalidates everything that belongs to the current lease.
    func endLease() {
        leases.store(leases.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        state.transactions = TransactionRecord()
        // Written only if a body has left one: the next user reads it before it takes a lock, and
        // the sanitizer does not see that the runtime orders the two.
        if state.deadline != Reactor.never { state.deadline = Reactor.never }
        if statementObservers != nil { state.observedCall = nil }
        endStreams()
    }
}
