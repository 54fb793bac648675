// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool
import Synchronization

// The circuit breaker opens at an instant rather than at a failure: an attempt that hangs does
// not fail, and no event occurs between two attempts.

extension ConnectionPool {
    /// Starts the timer that opens the circuit breaker, unless an attempt has succeeded or
    /// failed, or a timer runs.
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

    /// Starts the connection attempts that are due because a connection has left its slot. If it
    /// was the last one and the breaker is open, fails the waiting callers.
    func slotIsVacant() {
        grow()
        let now = time.now
        let (isRefused, failure) = growth.refusal(at: now)
        if isRefused { refuseWaitersWithoutConnection(failure ?? pendingConnect(at: now)) }
    }

    private func openBreaker() {
        // `resume()` restarts the timer.
        if isSuspended { return }
        guard growth.openBreaker(demand) else {
            // An attempt has succeeded in the meantime, and others have begun.
            return setBreakerTimer()
        }
        noteBreaker(isOpen: true)
        refuseWaitersWithoutConnection(growth.lastFailure ?? pendingConnect(at: time.now))
        // The pool keeps trying, also without a caller.
        setTimer()
    }
}

/// Converts observations of the circuit breaker's state to transitions. Each transition is
/// reported once.
final class CircuitBreakerMonitor: Sendable {
    enum Change: Hashable {
        case opened
        /// The breaker closed after this number of nanoseconds.
        case closed(after: UInt64)
    }

    private let isOpen = Atomic(false)
    /// The instant at which the breaker opened. Locked while the state changes.
    private let openedAt = Locked<UInt64>(0)

    /// Records the current state of the breaker.
    ///
    /// - Returns: The transition; `nil` if the state has not changed.
    func note(isOpen: Bool, at now: UInt64) -> Change? {
        if self.isOpen.load(ordering: .relaxed) == isOpen { return nil }
        return openedAt.withLock { openedAt -> Change? in
            if self.isOpen.exchange(isOpen, ordering: .relaxed) == isOpen { return nil }
            if !isOpen { return .closed(after: now > openedAt ? now - openedAt : 0) }
            openedAt = now
            return .opened
        }
    }
}
