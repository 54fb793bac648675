// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

// The task that listens.

extension NotificationListener {
    /// Listens while there are subscriptions, and reconnects with growing pauses.
    func run() async {
        var failures = 0
        // The reason for the loss of a connection that has listened.
        var loss: PostgresError?
        while let pool = poolIfWanted() {
            let began = MonotonicClock.now
            do {
                try await listen(in: pool, after: &loss)
                continue
            } catch {
                let isLasting = MonotonicClock.duration(since: began) > NotificationListener.lastingUse
                failures = isLasting ? 1 : failures + 1
                report(error)
            }
            await pause(pool, failures)
        }
    }

    /// The time after which a connection counts as usable, so that its loss is not another
    /// failure in a row.
    private static var lastingUse: Duration { .seconds(10) }

    /// Returns the pool if there are subscriptions. Otherwise the task is over.
    private func poolIfWanted() -> ConnectionPool<PostgresConnectionFactory>? {
        state.withLock { state in
            if state.pool != nil, !state.subscribers.isEmpty { return state.pool }
            state.task = nil
            state.failure = nil
            return nil
        }
    }

    /// Listens on one connection until no subscription is left.
    private func listen(
        in pool: ConnectionPool<PostgresConnectionFactory>,
        after loss: inout PostgresError?
    ) async throws {
        if configuration.pooler == .transaction { throw NotificationListener.unsupported }
        guard configuration.countsNotificationConnection else {
            let session = try await pool.connectDedicated().session
            defer { session.close() }
            return try await listen(on: session, after: &loss)
        }
        let lease = try await pool.getOrCreate(timeout: nil, for: CallSite(#fileID, #line))
        let session = lease.connection.session
        session.state.isDiscarded = true
        try await listen(on: session, after: &loss)
        lease.release()
    }

    private func listen(on session: Session, after loss: inout PostgresError?) async throws(PostgresError) {
        try await requireOwnSession(session)
        session.beginListening()
        let isWanted = state.withLock { state in
            if state.pool != nil { state.session = session }
            state.isEvicted = false
            return state.pool != nil
        }
        defer {
            state.withLock { state in
                state.session = nil
                state.active = []
            }
        }
        if isWanted { try await receive(on: session, after: &loss) }
    }

    /// Receives and passes on notifications until no subscription is left.
    ///
    /// - Parameter loss: The reason for the loss of the previous connection. `nil` on return,
    ///   unless this connection is lost after it has listened.
    private func receive(on session: Session, after loss: inout PostgresError?) async throws(PostgresError) {
        var isListening = false
        do throws(PostgresError) {
            while true {
                let mayHaveMore = session.receiveNotifications()
                passOn(session.takeReceived())
                if session.isLost { throw session.lost(sql: "LISTEN", "the connection is lost", isSent: false) }
                switch state.withLock({ $0.nextStep(isListening: isListening) }) {
                case .end: return
                case .replace: throw NotificationListener.evicted
                case .change(let old, let new):
                    try await unlisten(old, on: session)
                    if try await listen(to: new, on: session, isFirst: !isListening) {
                        confirm(new, after: isListening ? nil : loss)
                        isListening = true
                        loss = nil
                    }
                case .wait where mayHaveMore: await Task.yield()
                case .wait: try await waitForInput(on: session)
                }
            }
        } catch {
            if isListening { loss = error }
            throw error
        }
    }

    private func unlisten(_ channels: Set<NotificationChannel>, on session: Session) async throws(PostgresError) {
        if channels.isEmpty { return }
        try await session.runScript(NotificationChannel.script("UNLISTEN", channels), limit)
    }

    /// Begins to listen on channels.
    ///
    /// - Parameter isFirst: Whether the connection does not listen yet.
    /// - Returns: Whether the server listens. Otherwise the callers have failed.
    private func listen(
        to channels: Set<NotificationChannel>,
        on session: Session,
        isFirst: Bool
    ) async throws(PostgresError) -> Bool {
        if channels.isEmpty { return true }
        do throws(PostgresError) {
            try await session.runScript(NotificationChannel.script("LISTEN", channels), limit)
            return true
        } catch {
            // On a standby, for example. The other channels are not affected.
            guard error.server != nil, !error.connectionIsGone, !isFirst else { throw error }
            failCallers(of: channels, error)
            return false
        }
    }

    /// Records that the server listens on channels.
    ///
    /// - Parameter loss: The reason for the loss of the previous connection, if this is the first
    ///   use of another.
    private func confirm(_ channels: Set<NotificationChannel>, after loss: PostgresError?) {
        let (callers, interrupted) = state.withLock { state in
            state.active.formUnion(channels)
            state.failure = nil
            var callers: [CheckedContinuation<Void, any Error>] = []
            var interrupted: [NotificationBuffer] = []
            for (id, subscriber) in state.subscribers {
                if subscriber.isReady {
                    interrupted.append(subscriber.buffer)
                } else if subscriber.buffer.channels.isSubset(of: state.active) {
                    state.subscribers[id]?.isReady = true
                    if let caller = state.subscribers[id]?.caller.take() { callers.append(caller) }
                }
            }
            if loss != nil { state.reconnections += 1 }
            return (callers, loss == nil ? [] : interrupted)
        }
        // Before the notifications that this connection has received.
        if let loss { for buffer in interrupted { buffer.appendReconnection(after: loss) } }
        for caller in callers { caller.resume() }
    }

    private func passOn(_ received: [ReceivedNotification]) {
        if received.isEmpty { return }
        // Buffers are appended to without the lock, which a subscriber may need.
        for subscriber in state.withLock({ $0.subscribers }).values { subscriber.buffer.append(received) }
    }

    /// Waits for input, and tests the connection if none has come for the keep-alive interval.
    private func waitForInput(on session: Session) async throws(PostgresError) {
        let interval = configuration.pool.keepAliveInterval
        let deadline = interval.map(MonotonicClock.deadline(after:)) ?? Reactor.never
        switch await session.waitOrWake(for: .input, until: deadline) {
        case .ready, .cancelled, .abandoned: return
        case .timedOut:
            let limit = WaitLimit(deadline: MonotonicClock.deadline(after: configuration.pool.resetTimeout))
            try await session.runScript("", limit)
        case .shutDown: throw session.shutDown(sql: "LISTEN")
        }
    }

    /// The limit of a statement, which the end of the pool ends, too.
    private var limit: WaitLimit {
        WaitLimit(deadline: MonotonicClock.deadline(after: configuration.pool.connectTimeout))
    }

    // MARK: Failures

    /// Throws if a pooler may run statements in several sessions.
    private func requireOwnSession(_ session: Session) async throws(PostgresError) {
        if configuration.pooler == .detect, try await session.isPooled(limit) {
            throw NotificationListener.unsupported
        }
    }

    static var unsupported: PostgresError {
        PostgresError(
            .unsupported,
            "LISTEN needs a session of its own, and a pooler in front of the server may run each transaction in another one: connect a pool for notifications to the server itself, or to a pooler in session mode with pooler set to .session",
            outcome: .notExecuted
        )
    }

    private static var evicted: PostgresError {
        PostgresError(.connectionLost, "the pool has replaced its connections", connectionIsGone: true)
    }

    /// Records a failure to listen, and fails the callers if it will not pass.
    private func report(_ error: any Error) {
        state.withLock { $0.failure = error }
        let isPermanent = (error as? PostgresError)?.isPermanentConnectFailure ?? false
        if isPermanent || configuration.pool.maximumBackoff == .zero { failCallers(error) }
    }

    /// Suspends before the next attempt, unless no subscription is left.
    private func pause(_ pool: ConnectionPool<PostgresConnectionFactory>, _ failures: Int) async {
        let pause: Task<Void, Never>? = state.withLock { state in
            if state.pool == nil || state.subscribers.isEmpty { return nil }
            let pause = Task.detached { do { try await pool.pause(afterFailures: failures) } catch {} }
            state.pause = pause
            return pause
        }
        await pause?.value
        state.withLock { $0.pause = nil }
    }
}
