// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// Whether a server takes part in reads. One that fails reads although it answers probes pauses,
/// longer after each further failure; then one read finds out whether it answers again.
final class ReadRotation: Sendable {
    private struct State {
        /// The number of failures in a row.
        var failures = 0
        /// Whether a read is in progress that finds out whether the server answers again.
        var isTrying = false
    }

    private let backoff: Backoff
    private let random: @Sendable () -> Double
    private let state = Locked(State())

    /// The end of the pause, in nanoseconds; 0 if the server takes part. A copy, which reads test
    /// without the lock: one that sees an old value only finds out later.
    private let end = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - backoff: The bounds of the pauses.
    ///   - random: Returns a random number from 0 up to 1.
    init(_ backoff: Backoff, random: @escaping @Sendable () -> Double) {
        self.backoff = backoff
        self.random = random
    }

    /// Whether the server may answer a read.
    func admits(at now: UInt64) -> Bool { end.load(ordering: .relaxed) <= now }

    /// Records that a read is sent. The first one after a pause begins another pause for the
    /// others, until it has an answer.
    func began(at now: UInt64) {
        if end.load(ordering: .relaxed) == 0 { return }
        state.withLock { state in
            if state.failures == 0 { return }
            state.isTrying = true
            pause(state.failures, at: now)
        }
    }

    /// Records that a read has been answered.
    func succeeded() {
        if end.load(ordering: .relaxed) == 0 { return }
        state.withLock { state in
            state = State()
            end.store(0, ordering: .relaxed)
        }
    }

    /// Records that the server has failed a read.
    func failed(at now: UInt64) {
        state.withLock { state in
            // Reads that began before the pause fail together.
            if state.failures > 0, !state.isTrying, !admits(at: now) { return }
            state.isTrying = false
            state.failures += 1
            pause(state.failures, at: now)
        }
    }

    private func pause(_ failures: Int, at now: UInt64) {
        // Half of the pause is fixed, so that no pause is next to nothing.
        let delay = backoff.delay(failures: failures, random: 0.5 + random() / 2)
        end.store(max(1, now &+ delay), ordering: .relaxed)
    }
}
