// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import LockPool

/// The state of a caller's wait for a connection.
@usableFromInline
struct CheckoutWait: Sendable {
    let began: UInt64
    /// The caller's timeout in nanoseconds.
    let timeout: UInt64
    /// The number of tests that the caller has stopped waiting for.
    var unfinishedTests = 0
    /// The reason why the caller has no connection yet, if that is not a failed connection
    /// attempt.
    @usableFromInline var cause: (any Error)?

    @usableFromInline
    init(began: UInt64, timeout: UInt64) {
        self.began = began
        self.timeout = timeout
    }

    /// The nanoseconds until the deadline; zero after it.
    @usableFromInline
    func rest(at now: UInt64) -> UInt64 {
        let waited = now > began ? now - began : 0
        return timeout > waited ? timeout - waited : 0
    }
}

/// The outcome of a test or hook for the caller that waits for it. The caller may stop waiting
/// before the outcome is known.
final class AwaitedOperation: Sendable {
    enum Outcome: Sendable {
        case succeeded(LeasedSlot)
        case failed
        /// The caller has stopped waiting. The operation continues on behalf of the pool.
        case left
    }

    private struct State {
        var outcome: Outcome?
        var continuation: CheckedContinuation<Outcome, Never>?
    }

    private let state = Locked(State())

    /// Stores the outcome, unless there is one already.
    ///
    /// - Returns: Whether this outcome is the first. A connection of a later outcome stays with
    ///   the pool.
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

    /// Suspends until the first outcome. The wait ends early if the task is cancelled, or after
    /// `nanoseconds`.
    func outcome(within nanoseconds: UInt64, _ time: PoolTime) async -> Outcome {
        let began = time.now
        let timer = Task.detached { [self] in
            // The task may start late.
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
