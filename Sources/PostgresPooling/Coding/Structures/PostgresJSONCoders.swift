// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Coders that encode values as JSON, and decode them.
///
/// A custom type starts with the coders of ``PostgresDefaultJSONCoders`` and changes what it
/// needs:
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
    /// Returns the encoder for one value.
    static func makeEncoder() -> JSONEncoder

    /// Returns the decoder for one value.
    static func makeDecoder() -> JSONDecoder
}

/// The coders of ``PostgresJSON``: those of Foundation with default settings, except that a `Date`
/// is a text.
///
/// A `Date` is encoded like a `timestamptz` in UTC on the server, such as
/// `2026-11-28T19:40:12.123456+00:00`, with further digits if it has fractions of a microsecond.
/// It therefore decodes as the same `Date`, and casts to `timestamptz`. Texts with any offset
/// decode, such as those of `now()` on the server. A text without an offset is an error, because
/// it does not denote an instant, and so is a number, because its unit is unknown.
public enum PostgresDefaultJSONCoders: PostgresJSONCoders {
    /// Returns a new encoder.
    public static func makeEncoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .custom { date, encoder in
            guard let text = date.jsonText else { throw InvalidDate() }
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
                throw InvalidDate()
            }
            return date
        }
        return decoder
    }
}

/// The error for a `Date` without a text, or a text that is not a `Date`.
struct InvalidDate: Error {}
