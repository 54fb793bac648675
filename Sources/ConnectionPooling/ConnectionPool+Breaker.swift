// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

// The circuit breaker opens at an instant, not at a failure: an attempt that hangs does not fail, and between two attempts nothing does.

extension ConnectionPool {
    /// Starts the timer that opens the circuit breaker at its time, if no attempt has had an answer and no timer runs.
    func setBreakerTimer() {
        guard let due = growth.plan.withLock({ $0.breakerDueAt }) else { return }
        growth.breakerTimer.withLock { timer in
            if timer != nil || lockPool.isClosed { return }
            timer = Task.detached { [weak self, time, growth] in
                try? await time.sleep(until: due)
                if Task.isCancelled { return }
                growth.breakerTimer.withLock { $0 = nil }
                self?.openBreaker()
            }
        }
    }

    /// Starts the connects that are due because a connection has left its place. If it was the last one and the breaker is open, refuses
    /// the callers that waited for it.
    func placeIsVacant() {
        grow()
        let now = time.now
        let (isRefused, failure) = growth.refusal(at: now)
        if isRefused { refuseWaitersWithoutConnection(failure ?? pendingConnect(at: now)) }
    }

    private func openBreaker() {
        // `resume()` starts the timer again.
        if isSuspended { return }
        guard growth.openBreaker(demand) else {
            // A connect has succeeded meanwhile, and others have begun.
            return setBreakerTimer()
        }
        noteBreaker(isOpen: true)
        refuseWaitersWithoutConnection(growth.lastFailure ?? pendingConnect(at: time.now))
        // The pool goes on to try, also without a caller.
        setTimer()
    }
}
