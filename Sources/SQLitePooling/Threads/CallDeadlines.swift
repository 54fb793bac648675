// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// Stops calls at their deadlines, with one sleeping task for all calls of the process.
///
/// The task sleeps until the earliest deadline that it knows of, goes through the calls, and sleeps again; it ends when there
/// is none. A call that ends in time is removed, and does not wake it. Calls without a deadline are not here.
final class CallDeadlines: Sendable {
    static let shared = CallDeadlines()

    private struct State {
        var calls: [ObjectIdentifier: Request] = [:]
        /// When the task wakes; `nil` if there is none.
        var wakesAt: ContinuousClock.Instant?
        var sleeper: Task<Void, Never>?
    }

    private let state = Locked(State())

    /// Stops `call` at `deadline`, unless it is removed before.
    ///
    /// - Complexity: O(1), and a new task where no earlier deadline is known.
    func insert(_ call: Request, _ deadline: ContinuousClock.Instant) {
        let late = state.withLock { state -> Task<Void, Never>? in
            state.calls[ObjectIdentifier(call)] = call
            if let wakesAt = state.wakesAt, wakesAt <= deadline { return nil }
            let late = state.sleeper
            sleep(until: deadline, &state)
            return late
        }
        late?.cancel()
    }

    /// O(1).
    func remove(_ call: Request) {
        // The call may be the last reference to what its caller has captured, and that ends outside of the lock.
        let removed = state.withLock { $0.calls.removeValue(forKey: ObjectIdentifier(call)) }
        withExtendedLifetime(removed) {}
    }

    /// The number of calls whose deadline is to come.
    var count: Int { state.withLock { $0.calls.count } }

    private func sleep(until deadline: ContinuousClock.Instant, _ state: inout State) {
        state.wakesAt = deadline
        state.sleeper = Task.detached { [self] in
            do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
            sweep(deadline)
        }
    }

    /// Stops the calls whose deadline has come. O(calls).
    private func sweep(_ deadline: ContinuousClock.Instant) {
        let due = state.withLock { state -> [Request] in
            // Another task has taken over.
            guard state.wakesAt == deadline else { return [] }
            state.wakesAt = nil
            state.sleeper = nil
            let now = max(ContinuousClock.now, deadline)
            let due = state.calls.values.filter { $0.deadline.map { $0 <= now } ?? false }
            for call in due { state.calls[ObjectIdentifier(call)] = nil }
            if let next = state.calls.values.compactMap(\.deadline).min() { sleep(until: next, &state) }
            return due
        }
        for call in due { call.stop(.overdue) }
    }
}
