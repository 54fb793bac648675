// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// The tasks of the lanes, which lease the connections.

extension Multiplexer {
    /// Starts a lane, because there are statements that the others do not take.
    func startStoppedLane() {
        let index = state.withLock { state in
            let index = state.lanes.firstIndex { $0.phase == .stopped }
            if let index { state.lanes[index].phase = .starting }
            return index
        }
        if let index { start(index) }
    }

    func start(_ index: Int) {
        Task.detached(executorPreference: executor) { await self.runLane(index) }
    }

    /// Leases connections for a lane while there are statements.
    private func runLane(_ index: Int) async {
        repeat {
            do {
                // For callers that wait already: a shutdown serves them.
                let site = CallSite(inThisTask: #fileID, #line)
                let lease = try await connections.getOrCreate(timeout: nil, for: site, isFirst: false)
                await serve(index, on: lease.connection)
                lease.release()
                state.withLock { $0.failure = nil }
            } catch {
                if fail(with: error, index) { return }
                // The calls have a limit of their own for those that wait.
                if error.code == .tooManyWaiters { try? await Task.sleep(for: .milliseconds(5)) }
            }
        } while mustLease(index)
    }

    /// Returns whether a lane needs a connection; if not, it is stopped.
    private func mustLease(_ index: Int) -> Bool {
        state.withLock { state in
            let isNeeded = state.waiterCount > 0
            state.lanes[index].phase = isNeeded ? .starting : .stopped
            if !isNeeded {
                _ = state.line.takeAll()
                state.endedCount = 0
            }
            return isNeeded
        }
    }

    /// Ends the calls in the line because there is no connection, unless they wait for their own
    /// time, or another lane has a connection.
    ///
    /// - Returns: Whether the lane is stopped.
    private func fail(with error: PoolError, _ index: Int) -> Bool {
        let (waiters, isStopped): ([SharedCall.Waiter], Bool) = state.withLock { state in
            state.failure = error
            if error.code == .timedOut || error.code == .tooManyWaiters { return ([], false) }
            if error.code != .closed, state.lanes.contains(where: { $0.phase == .ready }) {
                state.lanes[index].phase = .stopped
                return ([], true)
            }
            state.endedCount = 0
            return (state.line.takeAll().compactMap { $0.end() }, false)
        }
        for waiter in waiters { waiter.resume(.failed(error)) }
        return isStopped
    }

    /// Ends calls that no lane has.
    func end(_ calls: [(SharedCall, SharedCall.Outcome)]) {
        let waiters = state.withLock { _ in calls.map { $0.0.end() } }
        for (index, call) in calls.enumerated() { waiters[index]?.resume(call.1) }
    }
}
