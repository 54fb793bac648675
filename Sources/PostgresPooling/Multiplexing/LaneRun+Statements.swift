// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// Sends the statements of a lane, receives their answers, and does what takes a round trip of its
// own.

extension LaneRun {
    /// Sends the statements that are assigned to the lane, up to one that takes a round trip of
    /// its own.
    mutating func sendAssigned() throws(PostgresError) {
        // A function may have changed the session for the statements that follow it.
        guard isClean else { return }
        let gathers = multiplexer.state.withLock { _ in lane.assigned.count > 1 }
        if gathers { session.gatherPackets(true) }
        defer { if gathers { session.gatherPackets(false) } }
        while workItems.isEmpty, let call = nextAssigned() {
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
            case .prepare(let preparing): workItems.append(.unprepared(call, preparing))
            case .send(let statement):
                guard beginSending(call) else {
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

    /// Returns the next statement to send; `nil` if there is none.
    private func nextAssigned() -> SharedCall? {
        multiplexer.state.withLock { _ in
            while let call = lane.assigned.first, call.isOver { _ = lane.assigned.popFirst() }
            return lane.phase == .ready && lane.abandonedCount == 0 ? lane.assigned.first : nil
        }
    }

    /// Removes the next statement to send.
    private func drop() { multiplexer.state.withLock { _ in _ = lane.assigned.popFirst() } }

    /// Records that a statement is about to be sent.
    ///
    /// - Returns: Whether it is to be sent: its call has not ended.
    private func beginSending(_ call: SharedCall) -> Bool {
        let now = inFlight.isEmpty ? MonotonicClock.now : 0
        return multiplexer.state.withLock { state in
            _ = lane.assigned.popFirst()
            if call.isOver { return false }
            call.isSent = true
            lane.sent.append(call)
            if lane.sent.count == 1 { multiplexer.beginFirst(of: lane, &state, at: now) }
            return true
        }
    }

    /// Takes the answers that have arrived.
    mutating func receive() throws(PostgresError) {
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
                    if !session.notices.isEmpty { result.notices = session.notices.take() }
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
        // Those of a failure. The next statement must not have them.
        if !session.notices.isEmpty { session.notices = ReceivedNotices() }
        var error = statement.error
        if error == nil {
            do throws(PostgresError) { try session.requireUTF8(sql: statement.text) } catch let changed {
                error = changed
            }
        }
        if error == nil, statement.result == nil {
            error = session.lost(sql: statement.text, "The server sent no answer.")
        }
        if let error {
            statement.observation?.fail(error)
            if session.mayHeal(error) {
                workItems.append(.failed(statement.call, error, isPrepared: statement.isPrepared))
                answered.append((statement.call, nil))
            } else {
                answered.append((statement.call, .failed(error.forCaller)))
            }
        } else if let result = statement.result {
            statement.observation?.complete(result)
            if !result.hasUserDefinedTypes || session.describeKnownTypes(of: result) {
                answered.append((statement.call, .done(result)))
            } else {
                statement.call.isExecuted = true
                workItems.append(.undescribed(statement.call, result))
                answered.append((statement.call, nil))
            }
        }
    }

    /// Does the first work item. Nothing may be in flight.
    mutating func runWorkItem() async throws(PostgresError) {
        switch workItems.first {
        case .failed(let call, let error, let isPrepared):
            if try await mayRetry(call, error, isPrepared: isPrepared) {
                endWorkItem(retrying: call)
            } else {
                endWorkItem()
            }
        case .undescribed(let call, let result):
            do throws(PostgresError) {
                try await session.describeTypes(of: result, limit(call))
                multiplexer.end([(call, .done(result))])
            } catch {
                multiplexer.end([(call, .failed(error.forCaller))])
            }
            endWorkItem()
        case .unprepared(let call, let preparing):
            do throws(PostgresError) {
                try await session.prepareShared(call.query, preparing, &call.attempt, limit(call))
            } catch {
                // The call is the first one that is assigned, and stays there if it is tried
                // again.
                if try await !mayRetry(call, error, isPrepared: false) { drop() }
            }
            _ = workItems.popFirst()
        case nil: break
        }
    }

    /// Removes the first work item, of a statement that had been in flight.
    ///
    /// - Parameter call: The call whose statement is to be sent again.
    private mutating func endWorkItem(retrying call: SharedCall? = nil) {
        _ = workItems.popFirst()
        multiplexer.state.withLock { _ in
            _ = lane.held.popFirst()
            if let call { lane.assigned.prepend([call]) }
        }
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
}
