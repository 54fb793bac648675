// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import LockPool
internal import Synchronization

/// A histogram of durations, in buckets that are a quarter to a fifth wide, from a nanosecond to
/// centuries.
public struct DurationHistogram: Hashable, Sendable {
    /// The number of durations.
    public var count: Int { counts.reduce(0, +) }

    /// The sum of all durations. Exact, not rounded to a bucket.
    public var sum: Duration { .nanoseconds(Int64(clamping: total)) }

    let counts: [Int]
    /// Nanoseconds.
    let total: UInt64

    init(counts: [Int], total: UInt64) {
        self.counts = counts
        self.total = total
    }

    /// Creates a histogram of durations, by default an empty one. For tests of code that reads
    /// histograms.
    ///
    /// - Parameter durations: The durations. A negative one counts as zero.
    public init(_ durations: some Sequence<Duration> = EmptyCollection<Duration>()) {
        var (counts, total) = (Self.noCounts, UInt64(0))
        for duration in durations {
            let nanoseconds = duration.wholeNanoseconds
            counts[Self.bucket(nanoseconds)] += 1
            total &+= nanoseconds
        }
        self.init(counts: counts, total: total)
    }

    /// Returns the duration that `fraction` of all durations do not exceed, rounded up by at most
    /// a quarter; zero for an empty histogram.
    ///
    /// - Parameter fraction: From 0 to 1; 0.99 for the 99th percentile.
    public func quantile(_ fraction: Double) -> Duration {
        let count = count
        guard count > 0 else { return .zero }
        let rank = max(1, Int((Double(count) * min(max(fraction, 0), 1)).rounded(.up)))
        var seen = 0
        for (bucket, number) in counts.enumerated() {
            seen += number
            if seen >= rank { return .nanoseconds(Int64(clamping: Self.upperBound(bucket))) }
        }
        return .zero
    }

    package static func + (left: DurationHistogram, right: DurationHistogram) -> DurationHistogram {
        DurationHistogram(counts: zip(left.counts, right.counts).map { $0 + $1 }, total: left.total &+ right.total)
    }

    static let empty = DurationHistogram(counts: noCounts, total: 0)
    static let noCounts = [Int](repeating: 0, count: Counts.size)

    /// Returns the index of a duration's bucket. There are four buckets for each power of two.
    @inlinable
    @inline(__always)
    static func bucket(_ nanoseconds: UInt64) -> Int {
        let value = nanoseconds | 4
        let exponent = 61 &- value.leadingZeroBitCount
        return exponent &* 4 &+ Int(truncatingIfNeeded: (value &>> UInt64(truncatingIfNeeded: exponent)) & 3)
    }

    static func upperBound(_ bucket: Int) -> UInt64 {
        let (exponent, part) = (bucket / 4, UInt64(bucket % 4))
        return ((4 + part + 1) << UInt64(min(exponent, 60))) - 1
    }

    /// Counts that several threads may change concurrently.
    final class Counts: Sendable {
        static var size: Int { 4 * UseCounts.size }
        private let counts = LazyMemory<Atomic<Int>>()
        /// Nanoseconds.
        private let total = Atomic<UInt64>(0)

        deinit { counts.free(count: Self.size) }

        /// Whether a duration has been counted.
        var isAllocated: Bool { unsafe counts.pointer != nil }

        /// Counts a duration.
        func add(_ nanoseconds: UInt64) {
            let counts = unsafe counts.pointer(count: Self.size) { Atomic(0) }
            unsafe counts[DurationHistogram.bucket(nanoseconds)].wrappingAdd(1, ordering: .relaxed)
            total.wrappingAdd(nanoseconds, ordering: .relaxed)
        }

        var histogram: DurationHistogram {
            guard let counts = unsafe counts.pointer else { return .empty }
            return DurationHistogram(
                counts: (0..<Self.size).map { unsafe (counts + $0).pointee.load(ordering: .relaxed) },
                total: total.load(ordering: .relaxed)
            )
        }
    }
}
