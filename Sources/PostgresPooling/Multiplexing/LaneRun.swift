// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

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
    struct Statement {
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

    /// What takes a round trip of its own, while nothing is in flight. Nothing is sent before it
    /// is done.
    enum WorkItem {
        /// A statement has failed, but may succeed with other types or another preparation.
        case failed(SharedCall, PostgresError, isPrepared: Bool)
        /// A statement has succeeded, but the types of its rows are not known.
        case undescribed(SharedCall, PostgresResult)
        /// The next statement to send cannot be sent yet.
        case unprepared(SharedCall, Session.Preparing)
    }

    let multiplexer: Multiplexer
    let index: Int
    let lane: Lane
    let session: Session
    private let resetTimeout: Duration
    private let start = MonotonicClock.now

    var inFlight = Fifo<Statement>()

    /// The calls whose statements have been answered since the lock was last taken, in order; with
    /// no outcome for those of `workItems`.
    var answered: [(SharedCall, SharedCall.Outcome?)] = []

    var workItems = Fifo<WorkItem>()

    /// The condition to wait for.
    var goal = Session.Goal.answer

    init(_ multiplexer: Multiplexer, _ index: Int, _ session: Session, resetTimeout: Duration) {
        self.multiplexer = multiplexer
        self.index = index
        self.session = session
        self.resetTimeout = resetTimeout
        lane = multiplexer.state.withLock { $0.lanes[index] }
    }

    /// Whether no statement of the lane is known to have changed the session. If one has, the
    /// pool resets it when the lane returns it.
    var isClean: Bool { !session.needsReset(reset) }

    private var reset: PostgresConfiguration.ResetPolicy { multiplexer.configuration.effectiveReset(of: session) }

    mutating func run() async {
        let wasChanged = session.acceptChanges(reset)
        defer { if wasChanged { session.state.isChanged = true } }
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
                if inFlight.isEmpty, !workItems.isEmpty {
                    try await runWorkItem()
                    // After a deadline or a shutdown, the pool ends what was begun.
                    if session.state.isAnswerPending || session.state.cancelRequest != nil { break }
                    continue
                }
                switch rest() {
                case .goOn: continue
                case .end: return close()
                case .wait:
                    switch await session.waitOrWake(for: goal) {
                    case .ready, .timedOut, .cancelled: continue
                    case .shutDown: throw session.shutDown(sql: inFlight.first?.text ?? "")
                    case .abandoned: throw session.abandoned(sql: inFlight.first?.text ?? "")
                    }
                }
            }
        } catch {
            lose(error)
        }
        close()
    }

    // MARK: With the lock

    private func open() {
        multiplexer.state.withLock { _ in
            lane.phase = .ready
            lane.session = session
            lane.isAwake = true
        }
    }

    /// Ends the use of the connection, and returns what was not sent to the line.
    private mutating func close() {
        for statement in inFlight.takeAll() where statement.isPreparing {
            session.forgetPreparation(statement.call.query)
        }
        var returned: [SharedCall] = []
        for item in workItems.takeAll() {
            switch item {
            case .failed(let call, _, _): returned.append(call)
            case .undescribed(let call, let result):
                // As if the lookup had failed: some values may not decode.
                result.domains = session.state.types.domains
                multiplexer.end([(call, .done(result))])
            case .unprepared: break
            }
        }
        multiplexer.state.withLock { state in
            lane.phase = .closing
            lane.session = nil
            lane.abandonedCount = 0
            _ = lane.sent.takeAll()
            _ = lane.held.takeAll()
            multiplexer.returnToLine(returned + lane.assigned.takeAll(), &state)
        }
    }

    private enum Rest { case goOn, wait, end }

    /// Decides how to continue when nothing can be sent or received.
    private mutating func rest() -> Rest {
        let now = MonotonicClock.now
        let isOver = !isClean || multiplexer.mustReturn(after: now - start)
        var hasReturned = false
        let rest: Rest = multiplexer.state.withLock { state in
            if isOver { lane.phase = .closing }
            if lane.abandonedCount > 0, lane.abandonedCount == lane.sent.count { return .end }
            let takesMore = lane.phase == .ready && lane.abandonedCount == 0
            if takesMore, workItems.isEmpty {
                multiplexer.fill(index, &state, at: now)
                if !lane.assigned.isEmpty { return .goOn }
            }
            if !takesMore, !lane.assigned.isEmpty {
                // Another connection may take them before this one does.
                multiplexer.returnToLine(lane.assigned.takeAll(), &state)
                hasReturned = true
            }
            if lane.sent.isEmpty, lane.held.isEmpty { return .end }
            lane.isAwake = false
            return .wait
        }
        if hasReturned {
            workItems.removeAll { if case .unprepared = $0 { true } else { false } }
            multiplexer.startStoppedLane()
        }
        // The pool ends the statements of the calls that have ended before the next lease.
        if rest == .end, session.state.isAnswerPending { session.requestCancel() }
        return rest
    }

    /// Resumes the calls whose statements have been answered.
    ///
    /// - Returns: Whether there were any.
    private mutating func finishAnswered() -> Bool {
        if answered.isEmpty { return false }
        let now = MonotonicClock.now
        let waiters = multiplexer.state.withLock { state in
            let waiters = answered.map { call, outcome -> SharedCall.Waiter? in
                _ = lane.sent.popFirst()
                call.isSent = false
                if call.isOver { lane.abandonedCount -= 1 }
                if outcome != nil { return call.end() }
                lane.held.append(call)
                return nil
            }
            multiplexer.beginFirst(of: lane, &state, at: now)
            return waiters
        }
        for (index, (_, outcome)) in answered.enumerated() {
            if let outcome { waiters[index]?.resume(outcome) }
        }
        answered.removeAll(keepingCapacity: true)
        return true
    }

    /// Ends the statements in flight, because the connection is lost.
    private mutating func lose(_ error: PostgresError) {
        _ = finishAnswered()
        var moved: [SharedCall] = []
        var ended: [(SharedCall, SharedCall.Outcome)] = []
        for (offset, statement) in inFlight.takeAll().enumerated() {
            var reason = error
            if offset > 0 || error.sql != statement.text {
                reason =
                    session.isShutDown.load(ordering: .relaxed)
                    ? session.shutDown(sql: statement.text) : session.lost(sql: statement.text, error.message)
            }
            statement.observation?.fail(reason)
            if reason.isCertainlyUnread, !statement.call.hasMoved {
                statement.call.hasMoved = true
                moved.append(statement.call)
            } else {
                ended.append((statement.call, .failed(reason.forCaller)))
            }
        }
        multiplexer.state.withLock { state in
            multiplexer.returnToLine(moved, &state)
        }
        multiplexer.end(ended)
        // Other idle connections may have been lost with it.
        multiplexer.connections.inspectIdle()
    }
}
