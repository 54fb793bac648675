// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension Date {
    /// How many microseconds the reference date of `Date`, 2001-01-01, is after that of PostgreSQL, 2000-01-01.
    private static var referenceMicroseconds: Int64 { 366 * 86_400 * 1_000_000 }

    /// The microseconds since 2000-01-01; `nil` if they are too many, or would be one of PostgreSQL's infinities.
    var postgresMicroseconds: Int64? {
        let rounded = (timeIntervalSinceReferenceDate * 1_000_000).rounded()
        guard let microseconds = Int64(exactly: rounded) else { return nil }
        let (sum, overflow) = microseconds.addingReportingOverflow(Self.referenceMicroseconds)
        return overflow || sum == .max || sum == .min ? nil : sum
    }

    /// `nil` for PostgreSQL's infinities.
    init?(postgresMicroseconds: Int64) {
        guard postgresMicroseconds != .max, postgresMicroseconds != .min else { return nil }
        let (microseconds, overflow) = postgresMicroseconds.subtractingReportingOverflow(Self.referenceMicroseconds)
        guard !overflow else { return nil }
        self.init(timeIntervalSinceReferenceDate: Double(microseconds) / 1_000_000)
    }
}
