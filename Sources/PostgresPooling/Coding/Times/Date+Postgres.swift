// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension Date {
    /// The number of microseconds from PostgreSQL's reference date, 2000-01-01, to that of `Date`,
    /// 2001-01-01.
    private static var referenceMicroseconds: Int64 { 366 * 86_400 * 1_000_000 }

    /// The microseconds since 2000-01-01; `nil` if they overflow, or equal one of PostgreSQL's
    /// infinities.
    var postgresMicroseconds: Int64? {
        // The whole seconds and the rest separately: a million times a date some centuries away
        // has more digits than a `Double`.
        let seconds = timeIntervalSinceReferenceDate.rounded(.towardZero)
        let rest = ((timeIntervalSinceReferenceDate - seconds) * 1_000_000).rounded()
        guard let whole = Int64(exactly: seconds), let part = Int64(exactly: rest) else { return nil }
        let (microseconds, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
        // Less than a second, with the sign of the product, so the sum may overflow too.
        let (sum, sumOverflow) = microseconds.addingReportingOverflow(part)
        let (result, resultOverflow) = sum.addingReportingOverflow(Self.referenceMicroseconds)
        return overflow || sumOverflow || resultOverflow || result == .max || result == .min ? nil : result
    }

    /// Returns `nil` for PostgreSQL's infinities.
    init?(postgresMicroseconds: Int64) {
        guard postgresMicroseconds != .max, postgresMicroseconds != .min else { return nil }
        let (microseconds, overflow) = postgresMicroseconds.subtractingReportingOverflow(Self.referenceMicroseconds)
        guard !overflow else { return nil }
        if let exact = Double(exactly: microseconds) {
            self.init(timeIntervalSinceReferenceDate: exact / 1_000_000)
        } else {
            let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
            self.init(timeIntervalSinceReferenceDate: Double(seconds) + Double(rest) / 1_000_000)
        }
    }
}
