// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import CLockPoolThread
internal import Synchronization

/// Decides whether a task looks for its answer before it waits for it.
///
/// A look saves the time of waking two threads, and spends processor time until the answer comes. It pays where the answer comes
/// within a tenth of a millisecond, and where the threads have work: where statements are rare, the processor would be idle instead.
struct LookHabit: ~Copyable {
    /// Whether the server is so near that an answer can come within a look.
    private let isNear: Bool
    private let omitted = Atomic(0)
    private let failures = Atomic(0)

    /// The length of a look, in nanoseconds.
    static var length: UInt64 { 100_000 }

    /// Most looks in vain are followed by so many statements, as a power of two, without one: a tenth of a millisecond in
    /// 512 statements is less than 2 % of what the cheapest of them costs.
    private static var longestPause: Int { 9 }

    /// - Parameter descriptor: The connection's socket, whose shortest round trip the system has measured.
    init(socket descriptor: Int32) {
        isNear = UInt64(clockpool_round_trip(descriptor)) * 1_000 < LookHabit.length
    }

    /// Whether to look now. Counts down the looks that are left out.
    func shallLook() -> Bool {
        if !isNear { return false }
        let left = omitted.load(ordering: .relaxed)
        if left > 0 { omitted.store(left - 1, ordering: .relaxed) }
        return left == 0
    }

    /// Notes whether the answer has come within a look.
    func note(_ isSuccess: Bool) {
        let before = failures.load(ordering: .relaxed)
        if isSuccess {
            if before > 0 { failures.store(0, ordering: .relaxed) }
        } else {
            omitted.store(1 << min(before, LookHabit.longestPause), ordering: .relaxed)
            failures.store(before + 1, ordering: .relaxed)
        }
    }
}

/// The mean time between the waits of all links of a reactor.
struct WaitRate: ~Copyable {
    private let last = Atomic<UInt64>(0)
    private let mean = Atomic<UInt64>(0)

    /// The mean time between two waits, in nanoseconds, from which they are rare.
    private static var rare: UInt64 { 250_000 }

    /// A longer time between two waits counts as this one, so that the mean follows soon when a pause is over. Longer than the pauses
    /// of tasks that a timer wakes together.
    private static var longest: UInt64 { 20_000_000 }

    /// Notes that a wait begins. Two at the same time may count as one.
    ///
    /// - Returns: Whether waits are rare.
    func noteWait() -> Bool {
        let now = lockpool_instant()
        let before = last.load(ordering: .relaxed)
        last.store(now, ordering: .relaxed)
        let gap = now > before ? min(now - before, WaitRate.longest) : 0
        let mean = mean.load(ordering: .relaxed)
        // A moving average over some 32 waits.
        let next = mean &- mean / 32 &+ gap / 32
        self.mean.store(next, ordering: .relaxed)
        return next >= WaitRate.rare
    }
}
