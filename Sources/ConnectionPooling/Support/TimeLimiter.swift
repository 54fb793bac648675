// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Runs work that may hang, under a time limit.
struct TimeLimiter: Sendable {
    let time: PoolTime

    /// The outcome of the work.
    enum Outcome<Value: ~Copyable & Sendable>: ~Copyable, Sendable {
        case finished(Value)
        case failed(any Error)
        /// The work continues, cancelled. `late` receives its result.
        case timedOut
    }

    /// Runs `work` in a task of its own, and returns when the work has ended or `timeout` has
    /// passed.
    func run<Value: ~Copyable & Sendable>(
        within timeout: UInt64,
        _ work: @escaping @Sendable () async throws -> Value,
        late: @escaping @Sendable (consuming Value) -> Void
    ) async -> Outcome<Value> {
        let race = Race<Value>()
        let worker = Task.detached {
            do {
                let value = try await work()
                race.finish(.finished(value), late: late)
            } catch {
                race.finish(.failed(error), late: late)
            }
        }
        let timer = Task.detached {
            do { try await time.sleep(nanoseconds: timeout) } catch { return }
            if race.finish(.timedOut, late: late) { worker.cancel() }
        }
        let outcome = await withCheckedContinuation { race.wait($0) }
        timer.cancel()
        return outcome.take()
    }

    /// Stores the first outcome.
    private final class Race<Value: ~Copyable & Sendable>: Sendable {
        private struct State {
            var isOver = false
            var outcome: Handoff<Outcome<Value>>?
            var continuation: CheckedContinuation<Handoff<Outcome<Value>>, Never>?
        }

        private let state = Locked(State())

        @discardableResult
        func finish(_ outcome: consuming Outcome<Value>, late: (consuming Value) -> Void) -> Bool {
            let handoff = Handoff(outcome)
            let (isFirst, continuation) = state.withLock { state in
                if state.isOver { return (false, nil as CheckedContinuation<Handoff<Outcome<Value>>, Never>?) }
                state.isOver = true
                if state.continuation == nil { state.outcome = handoff }
                return (true, state.continuation)
            }
            continuation?.resume(returning: handoff)
            if !isFirst, case .finished(let value) = handoff.take() { late(value) }
            return isFirst
        }

        func wait(_ continuation: CheckedContinuation<Handoff<Outcome<Value>>, Never>) {
            let outcome = state.withLock { state in
                if state.outcome == nil { state.continuation = continuation }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
