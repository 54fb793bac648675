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

/// The system's monotonic clock, as the reactor counts.
enum MonotonicClock {
    /// Nanoseconds since some instant.
    static var now: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// The instant `duration` from now.
    static func deadline(after duration: Duration) -> UInt64 {
        let (sum, overflow) = now.addingReportingOverflow(duration.wholeNanoseconds)
        return overflow ? Reactor.never - 1 : sum
    }

    /// How long ago an instant was, to the millisecond.
    static func duration(since instant: UInt64) -> Duration {
        let now = now
        return .milliseconds((now > instant ? now - instant : 0) / 1_000_000)
    }

    /// How long it is until an instant.
    static func duration(until instant: UInt64) -> Duration {
        let now = now
        return .nanoseconds(Int64(clamping: instant > now ? instant - now : 0))
    }
}
