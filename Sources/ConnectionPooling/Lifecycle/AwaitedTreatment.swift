// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

/// What a caller that waits for a connection has met so far.
@usableFromInline
struct CheckoutWait: Sendable {
    let began: UInt64
    /// The caller's timeout, in nanoseconds.
    let timeout: UInt64
    /// The tests whose end the caller has not awaited.
    var unfinishedTests = 0
    /// Why the caller has no connection yet, if that is not a failed connect.
    @usableFromInline var cause: (any Error)?

    @usableFromInline
    init(began: UInt64, timeout: UInt64) {
        self.began = began
        self.timeout = timeout
    }

    /// Nanoseconds until the deadline; zero after it.
    @usableFromInline
    func rest(at now: UInt64) -> UInt64 {
        let waited = now > began ? now - began : 0
        return timeout > waited ? timeout - waited : 0
    }
}

/// The outcome of a test or hook, for the caller that waits for it. The caller can leave before it is there.
final class AwaitedTreatment: Sendable {
    enum Outcome: Sendable {
        case succeeded(LeasedSlot)
        case failed
        /// The caller has left: the treatment goes on, for the pool.
        case left
    }

    private struct State {
        var outcome: Outcome?
        var continuation: CheckedContinuation<Outcome, Never>?
    }

    private let state = Locked(State())

    /// Notes the outcome; the first counts.
    ///
    /// - Returns: Whether it is the first. A connection that is not taken over remains the pool's.
    @discardableResult
    func finish(_ outcome: Outcome) -> Bool {
        let (isFirst, continuation) = state.withLock { state in
            if state.outcome != nil { return (false, nil as CheckedContinuation<Outcome, Never>?) }
            state.outcome = outcome
            return (true, state.continuation.take())
        }
        continuation?.resume(returning: outcome)
        return isFirst
    }

    /// Suspends until the first outcome. A cancelled task leaves, and so does the caller after `nanoseconds`.
    func outcome(within nanoseconds: UInt64, _ time: PoolTime) async -> Outcome {
        let began = time.now
        let timer = Task.detached { [self] in
            // The task may begin late.
            let now = time.now
            let spent = now > began ? now - began : 0
            if nanoseconds > spent {
                do { try await time.sleep(nanoseconds: nanoseconds - spent) } catch { return }
            }
            finish(.left)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state in
                    if state.outcome == nil { state.continuation = continuation }
                    return state.outcome
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            finish(.left)
        }
    }
}
