// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// Stops calls at their deadlines, with one sleeping task for all calls of the process.
///
/// The task sleeps until the earliest known deadline, stops the calls that are due, and sleeps
/// again. It ends when no deadline is left. A call that ends in time is removed without waking the
/// task. Calls without a deadline are not registered.
final class CallDeadlines: Sendable {
    static let shared = CallDeadlines()

    private struct State {
        var calls: [ObjectIdentifier: Call] = [:]
        /// When the task wakes; `nil` if no task exists.
        var wakesAt: ContinuousClock.Instant?
        var sleeper: Task<Void, Never>?
    }

    private let state = Locked(State())

    /// Stops `call` at `deadline`, unless ``remove(_:)`` removes it earlier.
    ///
    /// - Complexity: O(1); creates a task if no earlier deadline is known.
    func insert(_ call: Call, _ deadline: ContinuousClock.Instant) {
        let replaced = state.withLock { state -> Task<Void, Never>? in
            state.calls[ObjectIdentifier(call)] = call
            if let wakesAt = state.wakesAt, wakesAt <= deadline { return nil }
            let replaced = state.sleeper
            sleep(until: deadline, &state)
            return replaced
        }
        replaced?.cancel()
    }

    /// Removes a call. O(1).
    func remove(_ call: Call) {
        // This may be the last reference to the caller's captures, whose deinitializers must not
        // run under the lock.
        let removed = state.withLock { $0.calls.removeValue(forKey: ObjectIdentifier(call)) }
        withExtendedLifetime(removed) {}
    }

    /// The number of calls with a pending deadline.
    var count: Int { state.withLock { $0.calls.count } }

    private func sleep(until deadline: ContinuousClock.Instant, _ state: inout State) {
        state.wakesAt = deadline
        state.sleeper = Task.detached { [self] in
            do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
            sweep(deadline)
        }
    }

    /// Stops the calls whose deadline has passed. O(calls).
    private func sweep(_ deadline: ContinuousClock.Instant) {
        let due = state.withLock { state -> [Call] in
            // Another task has replaced this one.
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
