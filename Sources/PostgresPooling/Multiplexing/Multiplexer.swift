// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import LockPool
internal import Synchronization

/// Runs the single statements of many calls on few connections.
///
/// A call assigns its statement to the lane with the fewest statements, or appends it to the line.
/// A lane is a task that leases a connection while there are statements, keeps up to
/// ``Lane/depth`` of them in flight, and resumes their calls. Each statement has a sync of its
/// own, so that it is a transaction of its own.
///
/// A call that ends early leaves its statement in flight. A cancel request could hit the statement
/// of another call, so none is sent while others are in flight on the connection.
final class Multiplexer: Sendable {
    struct State {
        let lanes: [Lane]

        /// The statements that no lane has taken, in the order of their arrival.
        var line = Fifo<SharedCall>()

        /// The number of calls in `line` that have ended.
        var endedCount = 0

        /// The lane that is preferred for the next statement among equals.
        var nextLane = 0

        /// The time at which `timer` ends the calls that are due.
        var nextSweep = Reactor.never
        var timer: Task<Void, Never>?

        /// The error of the latest attempt to lease a connection, if it has failed.
        var failure: PoolError?

        /// Whether the pool is closed.
        var isClosed = false

        var waiterCount: Int { line.count - endedCount }
    }

    let state: Locked<State>
    let connections: ConnectionPool<PostgresConnectionFactory>
    let configuration: PostgresConfiguration
    let executor: PostgresExecutor?

    /// The time, in nanoseconds, after which no more statements are sent behind one that runs.
    let longestStatement = Atomic<UInt64>(5_000_000)

    /// The time, in nanoseconds, after which a lane returns its connection in any case.
    let longestLease = Atomic<UInt64>(1_000_000_000)

    /// The time, in nanoseconds, after which a lane returns a connection that other callers wait
    /// for.
    private static var contendedLease: UInt64 { 50_000_000 }

    /// Returns whether a lane that has leased its connection some time ago should return it.
    func mustReturn(after time: UInt64) -> Bool {
        switch connections.state {
        case .suspended, .closed: return true
        case .accepting, .draining: break
        }
        return time > longestLease.load(ordering: .relaxed)
            || time > Multiplexer.contendedLease && connections.waiters > 0
    }

    /// - Parameter executor: The executor for the tasks of the lanes.
    init(
        _ connections: ConnectionPool<PostgresConnectionFactory>,
        _ configuration: PostgresConfiguration,
        executor: PostgresExecutor?
    ) {
        self.connections = connections
        self.configuration = configuration
        self.executor = executor
        state = Locked(State(lanes: (0..<configuration.multiplexing.connections).map { _ in Lane() }))
    }

    deinit { state.withLock { $0.timer?.cancel() } }

    /// Runs a statement on a shared connection.
    ///
    /// - Parameters:
    ///   - query: The statement.
    ///   - deadline: The deadline of the call; `nil` for the pool's `checkoutTimeout` until the
    ///     statement is sent, and the configuration's `statementTimeout` afterwards.
    ///   - observed: The record of the call for observers of statements.
    /// - Returns: The result; `nil` if the statement needs a connection of its own, and was not
    ///   sent.
    func run(
        _ query: PostgresQuery,
        until deadline: UInt64?,
        _ observed: ObservedCall?
    ) async throws -> PostgresResult? {
        if query.hasNamedTypes { return nil }
        let start = MonotonicClock.now
        let call = SharedCall(
            query,
            start: start,
            deadline: deadline ?? Reactor.never,
            waitLimit: MonotonicClock.deadline(configuration.pool.checkoutTimeout, after: start),
            observed: observed
        )
        connections.beginCall()
        defer { connections.endCall() }
        let outcome: SharedCall.Outcome = await unsafe withCancellableContinuation { continuation in
            unsafe enter(call, SharedCall.Waiter(continuation))
        } onCancel: {
            cancel(call)
        }
        switch outcome {
        case .done(let result):
            // A task that is resumed before it suspends is ordered by the runtime alone. The thread
            // sanitizer does not see that, but sees the lock, under which the call has ended.
            assert(state.withLock { _ in call.isOver }, "a call was resumed before its end")
            result.columnNames = configuration.columnNames
            return result
        case .failed(let error): throw error
        case .refused: return nil
        }
    }

    var figures: PostgresPool.MultiplexingFigures {
        state.withLock { state in
            PostgresPool.MultiplexingFigures(
                waiting: state.lanes.reduce(state.waiterCount) { $0 + $1.assigned.count },
                inFlight: state.lanes.reduce(0) { $0 + $1.sent.count },
                connections: state.lanes.count { $0.session != nil }
            )
        }
    }

    /// Assigns a statement to a lane, or appends it to the line.
    private func enter(_ call: SharedCall, _ waiter: SharedCall.Waiter) {
        enum Next {
            case none, end(any Error), wake(Session?), start(Int)
        }
        let next: Next = state.withLock { state in
            if call.isOver { return .end(CancellationError()) }
            if state.isClosed || connections.state == .draining || connections.state == .closed {
                return .end(refusal(.closed))
            }
            let stopped = state.lanes.firstIndex { $0.phase == .stopped }
            // Rather than behind another statement, a statement is sent on a further connection.
            let room = stopped == nil ? Lane.depth : 1
            guard state.line.isEmpty, connections.state == .accepting,
                let index = freestLane(in: &state, at: call.start, below: room)
            else {
                if state.waiterCount >= configuration.pool.maximumWaiters { return .end(refusal(.tooManyWaiters)) }
                call.begin(waiter)
                state.line.append(call)
                arm(call.limit, &state)
                guard let stopped else { return .none }
                state.lanes[stopped].phase = .starting
                return .start(stopped)
            }
            call.begin(waiter)
            assign(call, to: index, &state)
            arm(call.limit, &state)
            return .wake(wake(state.lanes[index]))
        }
        switch next {
        case .none: break
        case .end(let error): waiter.resume(.failed(error))
        case .wake(let session): session?.wake()
        case .start(let index): start(index)
        }
    }

    /// Refuses the calls whose statements have not been sent, and all later calls.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            state.endedCount = 0
            let calls = state.line.takeAll() + state.lanes.flatMap(\.assigned.all)
            return calls.compactMap { $0.end() }
        }
        if waiters.isEmpty { return }
        let error = refusal(.closed)
        for waiter in waiters { waiter.resume(.failed(error)) }
    }

    /// Returns the open lane with the fewest statements, if it has fewer than a number.
    private func freestLane(in state: inout State, at now: UInt64, below room: Int) -> Int? {
        var (best, bestLoad) = (nil as Int?, room)
        let count = state.lanes.count
        let longest = longestStatement.load(ordering: .relaxed)
        for offset in 0..<count {
            let index = (state.nextLane + offset) % count
            let load = state.lanes[index].load
            if load < bestLoad, state.lanes[index].isOpen(at: now, longest) { (best, bestLoad) = (index, load) }
        }
        if let best { state.nextLane = (best + 1) % count }
        return best
    }

    private func assign(_ call: SharedCall, to index: Int, _ state: inout State) {
        call.lane = index
        state.lanes[index].assigned.append(call)
    }

    /// Takes statements from the line: a share, because other lanes may take some too.
    func fill(_ index: Int, _ state: inout State, at now: UInt64) {
        let lane = state.lanes[index]
        guard !state.line.isEmpty, lane.isOpen(at: now, longestStatement.load(ordering: .relaxed)) else { return }
        let share = (state.waiterCount + state.lanes.count - 1) / state.lanes.count
        for _ in 0..<max(0, min(share, Lane.depth - lane.load)) {
            while let call = state.line.popFirst() {
                if call.isOver {
                    state.endedCount -= 1
                    continue
                }
                assign(call, to: index, &state)
                break
            }
        }
    }

    /// Returns calls that a lane has not served to the beginning of the line.
    func returnToLine(_ calls: [SharedCall], _ state: inout State) {
        let waiting = calls.filter { !$0.isOver }
        if waiting.isEmpty { return }
        let wait = MonotonicClock.deadline(after: configuration.pool.checkoutTimeout)
        for call in waiting {
            call.lane = nil
            call.isSent = false
            call.limit = min(call.deadline, wait)
            arm(call.limit, &state)
        }
        state.line.prepend(waiting)
    }

    /// Returns the session to wake, so that its lane looks for what has changed; `nil` if the lane
    /// does that anyway.
    private func wake(_ lane: Lane) -> Session? {
        if lane.isAwake { return nil }
        lane.isAwake = true
        return lane.session
    }

    // MARK: Early ends

    private func cancel(_ call: SharedCall) {
        let (waiter, session) = state.withLock { state in abandon(call, &state) }
        session?.wake()
        waiter?.resume(.failed(CancellationError()))
    }

    /// Ends a call before its statement.
    ///
    /// - Returns: The task to resume, and the session to wake.
    private func abandon(_ call: SharedCall, _ state: inout State) -> (SharedCall.Waiter?, Session?) {
        guard let waiter = call.end() else { return (nil, nil) }
        guard let index = call.lane else {
            state.endedCount += 1
            if state.endedCount > 16, state.endedCount * 2 > state.line.count {
                state.line.removeAll(where: \.isOver)
                state.endedCount = 0
            }
            return (waiter, nil)
        }
        guard call.isSent else { return (waiter, nil) }
        state.lanes[index].abandonedCount += 1
        return (waiter, wake(state.lanes[index]))
    }

    /// Makes the calls end that are due at an instant.
    func arm(_ limit: UInt64, _ state: inout State) {
        guard limit < state.nextSweep else { return }
        state.nextSweep = limit
        state.timer?.cancel()
        state.timer = Task.detached { [weak self] in
            do { try await Task.sleep(for: MonotonicClock.duration(until: limit)) } catch { return }
            self?.endDueCalls()
        }
    }

    /// Records that the server begins the first statement in flight of a lane. Until then, the
    /// call is limited as in its wait for a connection.
    func beginFirst(of lane: Lane, _ state: inout State, at now: UInt64) {
        lane.headStart = now
        guard let call = lane.sent.first, !call.isOver else { return }
        call.limit = call.deadline
        if call.limit == Reactor.never, let timeout = configuration.statementTimeout {
            call.limit = MonotonicClock.deadline(timeout, after: now)
        }
        arm(call.limit, &state)
    }

    private func endDueCalls() {
        let now = MonotonicClock.now
        var ended: [(SharedCall.Waiter, Session?, any Error)] = []
        state.withLock { state in
            state.nextSweep = Reactor.never
            var earliest = Reactor.never
            let calls = state.lanes.reduce(into: state.line.all) { $0 += $1.assigned.all + $1.sent.all + $1.held.all }
            for call in calls where !call.isOver {
                if call.limit > now {
                    earliest = min(earliest, call.limit)
                    continue
                }
                let error = timeout(of: call, at: now, state.failure)
                let (waiter, session) = abandon(call, &state)
                if let waiter { ended.append((waiter, session, error)) }
            }
            // Sweeps are apart, however close the deadlines are.
            arm(earliest == Reactor.never ? earliest : max(earliest, now &+ 1_000_000), &state)
        }
        for (waiter, session, error) in ended {
            session?.wake()
            waiter.resume(.failed(error))
        }
    }

    private func timeout(of call: SharedCall, at now: UInt64, _ failure: PoolError?) -> any Error {
        if call.isSent {
            return PostgresError(.timedOut, "the server did not answer in time", sql: call.query.text)
        }
        if call.isExecuted {
            return PostgresError(
                .timedOut,
                "the statement was executed, but the types of its rows could not be looked up",
                sql: call.query.text,
                outcome: .executed
            )
        }
        let waited = Duration.nanoseconds(Int64(clamping: now - call.start))
        return refusal(.timedOut, waited: waited, underlying: failure?.underlying)
    }

    func refusal(_ code: PoolError.Code, waited: Duration = .zero, underlying: (any Error)? = nil) -> PoolError {
        PoolError(
            code,
            pool: configuration.pool.name,
            status: connections.status,
            state: connections.state,
            waited: waited,
            underlying: underlying
        )
    }
}
