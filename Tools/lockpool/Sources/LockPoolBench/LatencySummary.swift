// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Histogram

/// What is told of many durations: the median, the 99th percentile and the longest, in nanoseconds.
public struct LatencySummary: Sendable, Hashable, Codable {
    /// Half of the durations were at most this long.
    public var p50: UInt64
    /// 99 of 100 durations were at most this long.
    public var p99: UInt64
    /// The longest duration.
    public var max: UInt64

    /// A summary of known figures.
    public init(p50: UInt64, p99: UInt64, max: UInt64) {
        self.p50 = p50
        self.p99 = p99
        self.max = max
    }

    /// The summary of `histogram`, or `nil` if nothing was recorded.
    init?(_ histogram: Histogram<UInt64>) {
        guard histogram.totalCount > 0 else { return nil }
        // The histogram answers with the upper end of a bucket, which may lie above the longest value by a rounding.
        let max = histogram.maxRecorded
        self.init(
            p50: min(histogram.valueAtPercentile(50), max),
            p99: min(histogram.valueAtPercentile(99), max),
            max: max
        )
    }
}
