// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// How values are encoded as JSON and decoded from it.
///
/// A type of your own begins with the coders of ``PostgresDefaultJSONCoders`` and changes what it needs:
///
/// ```swift
/// enum SnakeCase: PostgresJSONCoders {
///     static func makeEncoder() -> JSONEncoder {
///         let encoder = PostgresDefaultJSONCoders.makeEncoder()
///         encoder.keyEncodingStrategy = .convertToSnakeCase
///         return encoder
///     }
///
///     static func makeDecoder() -> JSONDecoder {
///         let decoder = PostgresDefaultJSONCoders.makeDecoder()
///         decoder.keyDecodingStrategy = .convertFromSnakeCase
///         return decoder
///     }
/// }
/// typealias SnakeCaseJSON<Value> = PostgresCodedJSON<Value, SnakeCase>
/// ```
public protocol PostgresJSONCoders {
    /// Returns the encoder of one value.
    static func makeEncoder() -> JSONEncoder

    /// Returns the decoder of one value.
    static func makeDecoder() -> JSONDecoder
}

/// The coders of ``PostgresJSON``: those of Foundation with their defaults, except that a `Date` is a text.
///
/// A `Date` is encoded as the server writes a `timestamptz` in UTC, such as `2026-11-28T19:40:12.123456+00:00`, with further
/// digits if it has fractions of a microsecond. So it is decoded as the same `Date`, and `timestamptz` takes it. A text
/// with any offset is decoded, such as the server writes for `now()`. A text without one is refused, because it names no
/// instant, and so is a number, because its unit is unknown.
public enum PostgresDefaultJSONCoders: PostgresJSONCoders {
    /// Returns a new encoder.
    public static func makeEncoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .custom { date, encoder in
            guard let text = date.jsonText else { throw UnfitDate() }
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
        return encoder
    }

    /// Returns a new decoder.
    public static func makeDecoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            guard let date = Date(jsonText: try decoder.singleValueContainer().decode(String.self)) else {
                throw UnfitDate()
            }
            return date
        }
        return decoder
    }
}

/// The error that a `Date` has no text, or a text no `Date`.
struct UnfitDate: Error {}
