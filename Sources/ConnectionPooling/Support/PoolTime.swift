// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
internal import LockPool

/// The clock of a pool: nanoseconds since some instant, and sleep.
@usableFromInline
struct PoolTime: Sendable {
    /// `nil` for the system's clock, which is read directly.
    @usableFromInline let read: (@Sendable () -> UInt64)?
    private let sleepFor: @Sendable (Duration) async throws -> Void
    /// `nil` for the system's clock, whose instants are not those of `ContinuousClock`.
    private let sleepUntil: (@Sendable (UInt64) async throws -> Void)?

    init<C: Clock<Duration>>(_ clock: C) {
        if clock is ContinuousClock {
            read = nil
            sleepUntil = nil
        } else {
            let start = clock.now
            // Never zero, which stands for no instant.
            read = { start.duration(to: clock.now).wholeNanoseconds + 1 }
            sleepUntil = { instant in
                let offset = Duration.nanoseconds(Int64(clamping: instant - 1))
                try await clock.sleep(until: start.advanced(by: offset), tolerance: nil)
            }
        }
        sleepFor = { try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil) }
    }

    @inlinable
    var now: UInt64 {
        @inline(__always) get {
            if let read { return read() }
            return lockpool_instant()
        }
    }

    /// Suspends until an instant of this clock; does not suspend if that has passed.
    ///
    /// A remaining time is computed as late as possible: it is too long by the time for which the
    /// caller's thread does not run afterwards. A test may advance its clock in that time, so
    /// another clock than the system's receives the instant itself.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    func sleep(until instant: UInt64) async throws {
        let now = now
        if instant <= now { return }
        if let sleepUntil { return try await sleepUntil(instant) }
        try await sleep(nanoseconds: instant - now)
    }

    /// Suspends for a number of nanoseconds. Throws `CancellationError` if the task is cancelled.
    func sleep(nanoseconds: UInt64) async throws {
        try await sleepFor(.nanoseconds(Int64(clamping: nanoseconds)))
    }
}

extension UInt64 {
    /// The nanoseconds from an earlier instant to this one; 0 if the clock has stepped back in
    /// between.
    @inlinable
    @inline(__always)
    func elapsed(since earlier: UInt64) -> UInt64 { self > earlier ? self - earlier : 0 }
}
