// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension UUID: PostgresArrayEncodable {
    /// `uuid`
    public static var postgresType: PostgresType { .uuid }

    /// The value as `uuid`.
    public var postgresParameter: PostgresParameter {
        let (first, second) = unsafe withUnsafeBytes(of: uuid) { bytes in
            // A `uuid_t` has 16 bytes.
            unsafe (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        return PostgresParameter(.uuid, .short(UInt64(bigEndian: first), UInt64(bigEndian: second), count: 16))
    }
}

extension Date: PostgresArrayEncodable {
    /// `timestamptz`
    public static var postgresType: PostgresType { .timestamptz }

    /// The time as `timestamptz`, rounded to microseconds.
    ///
    /// Sending a time out of its range fails with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        guard let microseconds = postgresMicroseconds else { return .failure("the Date is out of range") }
        return .fixed(.timestamptz, microseconds)
    }
}

extension Decimal: PostgresArrayEncodable {
    /// `numeric`
    public static var postgresType: PostgresType { .numeric }

    /// The number as `numeric`.
    ///
    /// Sending `NaN` fails with the code `encoding`.
    public var postgresParameter: PostgresParameter {
        if isNaN { return .failure("the Decimal is not a number") }
        return PostgresParameter(.numeric, .bytes(Numeric.bytes(of: description)))
    }
}

extension Data: PostgresArrayEncodable {
    /// `bytea`
    public static var postgresType: PostgresType { .bytea }

    /// The bytes as `bytea`.
    public var postgresParameter: PostgresParameter { Array(self).postgresParameter }
}
