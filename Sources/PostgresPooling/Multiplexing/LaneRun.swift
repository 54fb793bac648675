// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension Multiplexer {
    /// Serves the statements of a lane on a leased connection, until there are none or the lease
    /// has lasted long enough.
    func serve(_ index: Int, on db: borrowing PostgresConnection) async {
        var run = LaneRun(self, index, db.session, resetTimeout: db.resetTimeout)
        db.session.beginUse()
        db.session.endStreams()
        await run.run()
        db.session.endUse()
    }
}

/// The use of a leased connection by a lane.
struct LaneRun {
    /// A statement in flight.
    private struct Statement {
        let call: SharedCall
        let text: String
        /// Whether a prepared statement is executed.
        let isPrepared: Bool
        /// Whether the next result is that of preparing the statement.
        var isPreparing: Bool
        let observation: StatementObservation?
        var result: PostgresResult?
        var error: PostgresError?
    }

    private let multiplexer: Multiplexer
    private let index: Int
    private let lane: Lane
    private let session: Session
    private let resetTimeout: Duration
    private let start = MonotonicClock.now

    private var inFlight = Fifo<Statement>()

    /// The calls whose statements have been answered since the lock was last taken, in order.
    private var answered: [(SharedCall, SharedCall.Outcome?)] = []

    /// The statements whose failure other types or another preparation may avoid.
    private var failed = Fifo<(SharedCall, PostgresError, isPrepared: Bool)>()

    /// The results whose types are to be looked up.
    private var undescribed = Fifo<(SharedCall, PostgresResult)>()

    /// A statement that takes a round trip of its own, before it or others are sent.
    private var unprepared: (SharedCall, Session.Preparing)?

    /// The condition to wait for.
    private var goal = Session.Goal.answer

    init(_ multiplexer: Multiplexer, _ index: Int, _ session: Session, resetTimeout: Duration) {
        self.resetTimeout = resetTimeout
        self.multiplexer = multiplexer
        self.index = index
        self.session = session
        lane = multiplexer.state.withLock { $0.lanes[index] }
    }

    mutating func run() async {
        open()
        do throws(PostgresError) {
            try await session.endRowByRow(.uncancelled(for: resetTimeout))
            while true {
                try sendAssigned()
                try receive()
                if finishAnswered() {
                    // Callers often send their next statement at once: send all of these together.
                    await Task.yield()
                    continue
                }
                if inFlight.isEmpty, try await runAlone() { continue }
                switch rest() {
                case .goOn: continue
                case .end: return close()
                case .wait:
                    switch await session.waitOrWake(for: goal) {
                    case .ready, .timedOut, .cancelled: continue
                    case .shutDown: throw session.shutDown(sql: currentText)
                    case .abandoned: throw session.abandoned(sql: currentText)
                    }
                }
            }
        } catch {
            lose(error)
            close()
        }
    }

    private var currentText: String { inFlight.first?.text ?? "" }

    // MARK: With the lock

    private func open() {
        multiplexer.state.withLock { _ in
            lane.phase = .ready
            lane.session = session
            lane.isAwake = true
        }
    }

    /// Ends the use of the connection, and returns what was not sent to the line.
    private func close() {
        multiplexer.state.withLock { state in
            lane.phase = .closing
            lane.session = nil
            lane.abandonedCount = 0
            _ = lane.sent.takeAll()
            let rest = lane.assigned.takeAll().filter { !$0.isOver }
            for call in rest { call.lane = nil }
            state.line.prepend(rest)
        }
    }

    private enum Rest { case goOn, wait, end }

    /// Decides how to continue when nothing can be sent or received.
    private mutating func rest() -> Rest {
        let now = MonotonicClock.now
        let isOver = session.state.isChanged || multiplexer.mustReturn(after: now - start)
        return multiplexer.state.withLock { state in
            if isOver { lane.phase = .closing }
            if lane.abandonedCount > 0, lane.abandonedCount == lane.sent.count {
                // The pool ends these statements before the next lease.
                return .end
            }
            if lane.phase == .ready, unprepared == nil, lane.abandonedCount == 0 {
                multiplexer.fill(index, &state, at: now)
                if !lane.assigned.isEmpty { return .goOn }
            }
            if lane.sent.isEmpty { return .end }
            lane.isAwake = false
            return .wait
        }
    }

    /// Returns the next statement to send; `nil` if there is none.
    private func nextAssigned() -> SharedCall? {
        multiplexer.state.withLock { _ in
            while let call = lane.assigned.first, call.isOver { _ = lane.assigned.popFirst() }
            return lane.phase == .ready && lane.abandonedCount == 0 ? lane.assigned.first : nil
        }
    }

    /// Records that a statement is about to be sent.
    ///
    /// - Returns: Whether it is to be sent: its call has not ended.
    private func beginSending(_ call: SharedCall) -> Bool {
        var limit = call.deadline
        if limit == Reactor.never, let timeout = multiplexer.configuration.statementTimeout {
            limit = MonotonicClock.deadline(after: timeout)
        }
        let now = inFlight.isEmpty ? MonotonicClock.now : 0
        return multiplexer.state.withLock { state in
            _ = lane.assigned.popFirst()
            if call.isOver { return false }
            call.isSent = true
            call.limit = limit
            multiplexer.arm(limit, &state)
            if lane.sent.isEmpty { lane.headStart = now }
            lane.sent.append(call)
            return true
        }
    }

    /// Removes the next statement to send.
    private func drop() { multiplexer.state.withLock { _ in _ = lane.assigned.popFirst() } }

    /// Resumes the calls whose statements have been answered.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    private mutating func finishAnswered() -> Bool {
        if answered.isEmpty { return false }
        let now = MonotonicClock.now
        let waiters = multiplexer.state.withLock { state in
            lane.headStart = now
            return answered.map { call, outcome -> SharedCall.Waiter? in
                _ = lane.sent.popFirst()
                call.isSent = false
                if call.isOver {
                    lane.abandonedCount -= 1
                    return nil
                }
                return outcome == nil ? nil : call.end()
            }
        }
        for (index, (_, outcome)) in answered.enumerated() {
            if let outcome { waiters[index]?.resume(outcome) }
        }
        answered.removeAll(keepingCapacity: true)
        return true
    }

    // MARK: Sending and receiving

    /// Sends the statements that are assigned to the lane, up to one that takes a round trip of
    /// its own.
    private mutating func sendAssigned() throws(PostgresError) {
        while unprepared == nil, failed.isEmpty, undescribed.isEmpty, let call = nextAssigned() {
            let plan: Session.SharedPlan
            do throws(PostgresError) {
                plan = try session.sharedPlan(call.query, call.attempt, isAlone: inFlight.isEmpty)
            } catch {
                drop()
                multiplexer.end([(call, .failed(error.withoutEffect().forCaller))])
                continue
            }
            switch plan {
            case .refused:
                drop()
                multiplexer.end([(call, .refused)])
            case .prepare(let preparing): unprepared = (call, preparing)
            case .send(let statement):
                guard beginSending(call) else {
                    // Perhaps it was to be prepared.
                    if statement.preparedTypes != nil { session.forgetPreparation(call.query) }
                    continue
                }
                session.state.observedCall = call.observed?.withConnection()
                inFlight.append(
                    Statement(
                        call: call,
                        text: statement.text,
                        isPrepared: statement.prepared != nil,
                        isPreparing: statement.preparedTypes != nil,
                        observation: session.observe(call.query)
                    )
                )
                try session.sendShared(statement)
            }
        }
    }

    /// Takes the answers that have arrived.
    private mutating func receive() throws(PostgresError) {
        while let statement = inFlight.first {
            switch session.fetch(sql: statement.text) {
            case .pending(let goal):
                self.goal = goal
                return
            case .result(let result):
                if let error = session.failure(of: result, sql: statement.text) {
                    if error.connectionIsGone { throw error }
                    if statement.isPreparing, error.sqlState != .duplicateStatementName {
                        session.forgetPreparation(statement.call.query)
                    }
                    inFlight.updateFirst { $0.error = $0.error ?? error }
                } else if statement.isPreparing {
                    inFlight.updateFirst { $0.isPreparing = false }
                } else {
                    session.record(result, sql: statement.text)
                    inFlight.updateFirst { $0.result = result }
                }
            case .sync: complete()
            case .end:
                guard inFlight.count == 1, !session.isLost else {
                    throw session.lost(sql: statement.text, "The server sent no answer.")
                }
                complete()
            }
        }
    }

    /// Records the end of the first statement in flight.
    private mutating func complete() {
        guard let statement = inFlight.popFirst() else { return }
        var error = statement.error
        if error == nil {
            do throws(PostgresError) { try session.requireUTF8(sql: statement.text) } catch let changed {
                error = changed
            }
        }
        if let error {
            statement.observation?.fail(error)
            if session.mayHeal(error) {
                failed.append((statement.call, error, isPrepared: statement.isPrepared))
                answered.append((statement.call, nil))
            } else {
                answered.append((statement.call, .failed(error.forCaller)))
            }
        } else if let result = statement.result {
            statement.observation?.complete(result)
            guard result.hasUserDefinedTypes else {
                answered.append((statement.call, .done(result)))
                return
            }
            undescribed.append((statement.call, result))
            answered.append((statement.call, nil))
        } else {
            let error = session.lost(sql: statement.text, "The server sent no answer.")
            answered.append((statement.call, .failed(error)))
        }
    }

    /// Does what needs round trips of its own, while nothing is in flight.
    ///
    /// - Returns: Whether there was something to do.
    private mutating func runAlone() async throws(PostgresError) -> Bool {
        if unprepared == nil, failed.isEmpty, undescribed.isEmpty { return false }
        var retried: [SharedCall] = []
        for (call, error, isPrepared) in failed.takeAll() where try await mayRetry(call, error, isPrepared: isPrepared)
        {
            retried.append(call)
        }
        for (call, result) in undescribed.takeAll() {
            do throws(PostgresError) {
                try await session.describeTypes(of: result, limit(call))
                multiplexer.end([(call, .done(result))])
            } catch {
                multiplexer.end([(call, .failed(error.forCaller))])
            }
        }
        if let (call, preparing) = unprepared.take() {
            do throws(PostgresError) {
                try await session.prepareShared(call.query, preparing, &call.attempt, limit(call))
            } catch {
                // The call is the first one that is assigned, and stays there if it is tried
                // again.
                if try await !mayRetry(call, error, isPrepared: false) { drop() }
            }
        }
        multiplexer.state.withLock { _ in lane.assigned.prepend(retried) }
        return true
    }

    /// Returns whether a statement that has failed can be sent again; if not, ends its call.
    private func mayRetry(
        _ call: SharedCall,
        _ error: PostgresError,
        isPrepared: Bool
    ) async throws(PostgresError) -> Bool {
        let isStale = Session.showsStaleStatement(error) != nil || error.sqlState == .duplicateStatementName
        if isPrepared, isStale, !call.attempt.isUnnamed {
            // Others of the same text may have failed with it, so it may have been forgotten.
            _ = session.forgetIfStale(call.query, error)
            call.attempt.isUnnamed = true
            return true
        }
        var reason = error
        do throws(PostgresError) {
            if try await session.prepareRetry(call.query, error, &call.attempt, isInTransaction: false, limit(call)) {
                return true
            }
        } catch {
            reason = error
        }
        multiplexer.end([(call, .failed(reason.forCaller))])
        if reason.connectionIsGone { throw reason }
        return false
    }

    private func limit(_ call: SharedCall) -> WaitLimit {
        WaitLimit(deadline: multiplexer.state.withLock { _ in call.limit })
    }

    /// Ends the statements in flight, because the connection is lost.
    private mutating func lose(_ error: PostgresError) {
        finishAnswered()
        var moved: [SharedCall] = []
        var ended: [(SharedCall, SharedCall.Outcome)] = []
        for (offset, statement) in inFlight.all.enumerated() {
            let error = offset == 0 ? error : session.lost(sql: statement.text, error.message)
            statement.observation?.fail(error)
            if error.isCertainlyUnread, !statement.call.hasMoved {
                statement.call.hasMoved = true
                moved.append(statement.call)
            } else {
                ended.append((statement.call, .failed(error.forCaller)))
            }
        }
        _ = inFlight.takeAll()
        multiplexer.state.withLock { _ in
            let waiting = moved.filter { !$0.isOver }
            for call in waiting { call.isSent = false }
            lane.assigned.prepend(waiting)
        }
        multiplexer.end(ended)
        // Other idle connections may have been lost with it.
        multiplexer.connections.inspectIdle()
    }
}
