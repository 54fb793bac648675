// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import LockPool

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The system's monotonic clock, in the reactor's units.
enum MonotonicClock {
    /// The current time, in nanoseconds since an arbitrary instant.
    static var now: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// The processor time of the current thread, in nanoseconds.
    static var threadTime: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Returns the instant `duration` from now.
    static func deadline(after duration: Duration) -> UInt64 { deadline(duration, after: now) }

    /// Returns the instant `duration` after another one.
    static func deadline(_ duration: Duration, after instant: UInt64) -> UInt64 {
        let (sum, overflow) = instant.addingReportingOverflow(duration.wholeNanoseconds)
        return overflow ? Reactor.never - 1 : sum
    }

    /// Returns the time since an instant, in whole milliseconds.
    static func duration(since instant: UInt64) -> Duration {
        let now = now
        return .milliseconds((now > instant ? now - instant : 0) / 1_000_000)
    }

    /// Returns the time until an instant.
    static func duration(until instant: UInt64) -> Duration {
        let now = now
        return .nanoseconds(Int64(clamping: instant > now ? instant - now : 0))
    }
}

/// The deadline of a wait, and whether cancellation ends it.
struct WaitLimit: Sendable {
    /// In nanoseconds of the monotonic clock.
    var deadline = Reactor.never
    var isCancellable = true

    /// Returns the limit for a statement of the pool's own.
    static func uncancelled(for duration: Duration) -> WaitLimit {
        WaitLimit(deadline: MonotonicClock.deadline(after: duration), isCancellable: false)
    }

    /// The outcome of a wait whose answer has arrived: `timedOut` if the deadline has passed.
    var outcome: Session.Outcome {
        deadline != Reactor.never && MonotonicClock.now >= deadline ? .timedOut : .ready
    }
}
