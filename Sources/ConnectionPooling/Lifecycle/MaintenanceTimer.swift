// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Wakes a pool for its next maintenance.
///
/// No task sleeps while no maintenance is due. A request for an earlier instant replaces the
/// sleeping task.
final class MaintenanceTimer: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isStopped = false
    }

    private let time: PoolTime
    private let state = Locked(State())
    /// The instant at which the sleeping task wakes; the largest number if there is none.
    private let wakesAt = Atomic<UInt64>(.max)

    init(time: PoolTime) { self.time = time }

    /// Calls `action` at `instant`, unless a call is due earlier. The change that makes
    /// maintenance necessary must precede this call.
    func wake(at instant: UInt64, _ round: @escaping @Sendable () -> Void) {
        if wakesAt.load(ordering: .sequentiallyConsistent) <= instant { return }
        let old: Task<Void, Never>? = state.withLock { state in
            if state.isStopped || wakesAt.load(ordering: .sequentiallyConsistent) <= instant { return nil }
            wakesAt.store(instant, ordering: .sequentiallyConsistent)
            let old = state.task
            state.task = Task.detached { [self] in
                do { try await time.sleep(until: instant) } catch { return }
                if begin(instant) { round() }
            }
            return old
        }
        old?.cancel()
    }

    /// Whether maintenance is scheduled after `now`, for tests.
    func isAsleep(at now: UInt64) -> Bool {
        let instant = wakesAt.load(ordering: .sequentiallyConsistent)
        return instant > now && instant != .max
    }

    /// Cancels the sleeping task. No task sleeps afterwards.
    func stop() {
        let task = state.withLock { state in
            state.isStopped = true
            defer { state.task = nil }
            return state.task
        }
        task?.cancel()
    }

    /// Whether no earlier instant has replaced this one.
    private func begin(_ instant: UInt64) -> Bool {
        state.withLock { state in
            if state.isStopped || wakesAt.load(ordering: .sequentiallyConsistent) != instant { return false }
            wakesAt.store(.max, ordering: .sequentiallyConsistent)
            state.task = nil
            return true
        }
    }
}
