// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Histogram

/// The median, the 99th percentile and the maximum of durations, in nanoseconds.
public struct LatencySummary: Sendable, Hashable, Codable {
    /// The median.
    public var p50: UInt64
    /// The 99th percentile.
    public var p99: UInt64
    /// The maximum.
    public var max: UInt64

    /// Creates a summary of known values.
    public init(p50: UInt64, p99: UInt64, max: UInt64) {
        self.p50 = p50
        self.p99 = p99
        self.max = max
    }

    /// Creates a summary of `histogram`, or `nil` if nothing was recorded.
    init?(_ histogram: Histogram<UInt64>) {
        guard histogram.totalCount > 0 else { return nil }
        // The histogram returns the upper bound of a bucket, which rounding can put above the
        // maximum.
        let max = histogram.maxRecorded
        self.init(
            p50: min(histogram.valueAtPercentile(50), max),
            p99: min(histogram.valueAtPercentile(99), max),
            max: max
        )
    }
}
