// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension DurationHistogram {
    /// A bucket of a histogram with its count.
    public struct Bucket: Hashable, Sendable {
        /// The shortest duration of the bucket.
        public let lowerBound: Duration

        /// The longest duration of the bucket.
        public let upperBound: Duration

        /// The number of durations from ``lowerBound`` to ``upperBound``.
        public let count: Int
    }

    /// The nonempty buckets, from short to long. The bounds of a bucket are the same in every
    /// histogram.
    ///
    /// Together with ``sum`` and ``count``, they correspond to a histogram of OpenTelemetry or
    /// Prometheus.
    public var buckets: [Bucket] {
        counts.enumerated().filter { $0.element > 0 }.map { bucket, count in
            Bucket(
                lowerBound: .nanoseconds(Int64(clamping: Self.lowerBound(bucket))),
                upperBound: .nanoseconds(Int64(clamping: Self.upperBound(bucket))),
                count: count
            )
        }
    }

    /// Returns the durations that were counted between two snapshots of one pool.
    ///
    /// - Parameters:
    ///   - later: The histogram of the later snapshot.
    ///   - earlier: The histogram of the earlier snapshot.
    public static func - (later: DurationHistogram, earlier: DurationHistogram) -> DurationHistogram {
        DurationHistogram(
            counts: zip(later.counts, earlier.counts).map { $0 - $1 },
            total: later.total >= earlier.total ? later.total - earlier.total : 0
        )
    }

    /// Calls `body` with durations in nanoseconds that represent the counted ones: the same
    /// number, each in its bucket, with the same sum.
    ///
    /// All lie at one fraction of the width of their buckets, the fraction that yields the sum. A
    /// single duration is thus exact.
    func forEachRepresentative(_ body: (_ nanoseconds: Int64) -> Void) {
        let filled = counts.enumerated().filter { $0.element > 0 }
        if filled.count == 1, let (bucket, count) = filled.first.map({ ($0.offset, UInt64($0.element)) }) {
            let (mean, remainder) = total.quotientAndRemainder(dividingBy: count)
            for index in 0..<count {
                let value = index < remainder ? mean + 1 : mean
                body(Self.nearest(value, in: bucket))
            }
            return
        }
        var (lowest, widths) = (0.0, 0.0)
        for (bucket, count) in filled {
            lowest += Double(count) * Double(Self.lowerBound(bucket))
            widths += Double(count) * Double(Self.upperBound(bucket) - Self.lowerBound(bucket))
        }
        let fraction = widths > 0 ? min(max((Double(total) - lowest) / widths, 0), 1) : 0
        for (bucket, count) in filled {
            let (lower, upper) = (Self.lowerBound(bucket), Self.upperBound(bucket))
            let value = Self.nearest(lower + UInt64((Double(upper - lower) * fraction).rounded()), in: bucket)
            for _ in 0..<count { body(value) }
        }
    }

    /// Returns the value of a bucket that is nearest to `nanoseconds`.
    private static func nearest(_ nanoseconds: UInt64, in bucket: Int) -> Int64 {
        let (lower, upper) = (lowerBound(bucket), upperBound(bucket))
        if bucket < 4 { return Int64(nanoseconds < lower + 2 ? lower : upper) }
        return Int64(clamping: min(max(nanoseconds, lower), upper))
    }

    /// Each of the first four buckets holds two durations: its number, and that plus four.
    private static func lowerBound(_ bucket: Int) -> UInt64 {
        bucket < 4 ? UInt64(bucket) : upperBound(bucket - 1) + 1
    }
}
