// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import CLockPoolThread
internal import Synchronization

/// Decides whether a task spins for its answer before it waits.
///
/// Spinning saves the time to wake two threads, and uses processor time until the answer arrives.
/// It pays if the answer arrives within a tenth of a millisecond and other work keeps the threads
/// busy: if statements are rare, the processor would be idle instead.
struct SpinPolicy: ~Copyable {
    /// Whether the server is near enough for an answer within one spin.
    private let isNear: Bool
    private let omitted = Atomic(0)
    private let failures = Atomic(0)

    /// The length of a spin, in nanoseconds.
    static var length: UInt64 { 100_000 }

    /// The largest number of statements, as a power of two, without a spin after one in vain: a
    /// tenth of a millisecond in 512 statements is less than 2 % of the cost of the cheapest.
    private static var longestPause: Int { 9 }

    /// - Parameter descriptor: The connection's socket, whose shortest round trip the system has
    ///   measured.
    init(socket descriptor: Int32) {
        isNear = UInt64(clockpool_round_trip(descriptor)) * 1_000 < SpinPolicy.length
    }

    /// Returns whether to spin now. Counts down the spins to omit.
    func shouldSpin() -> Bool {
        if !isNear { return false }
        let left = omitted.load(ordering: .relaxed)
        if left > 0 { omitted.store(left - 1, ordering: .relaxed) }
        return left == 0
    }

    /// Records whether the answer arrived within a spin.
    func record(_ isSuccess: Bool) {
        let before = failures.load(ordering: .relaxed)
        if isSuccess {
            if before > 0 { failures.store(0, ordering: .relaxed) }
        } else {
            omitted.store(1 << min(before, SpinPolicy.longestPause), ordering: .relaxed)
            failures.store(before + 1, ordering: .relaxed)
        }
    }
}

/// The mean time between the waits of all sessions of a reactor.
struct WaitRate: ~Copyable {
    private let last = Atomic<UInt64>(0)
    private let mean = Atomic<UInt64>(0)

    /// The mean time between two waits, in nanoseconds, from which they are rare.
    private static var rare: UInt64 { 250_000 }

    /// The largest time between two waits that counts, so that the mean adapts soon after a pause.
    /// It is longer than the pauses of tasks that a timer wakes together.
    private static var longest: UInt64 { 20_000_000 }

    /// Records the beginning of a wait. Two at the same time may count as one.
    ///
    /// - Returns: Whether waits are rare.
    func recordWait() -> Bool {
        let now = lockpool_instant()
        let before = last.load(ordering: .relaxed)
        last.store(now, ordering: .relaxed)
        let gap = now > before ? min(now - before, WaitRate.longest) : 0
        let mean = mean.load(ordering: .relaxed)
        // A moving average over about 32 waits.
        let next = mean &- mean / 32 &+ gap / 32
        self.mean.store(next, ordering: .relaxed)
        return next >= WaitRate.rare
    }
}
