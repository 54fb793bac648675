// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// What can be the value of a statement's parameter.
///
/// A type of your own sends itself as one of the types here:
///
/// ```swift
/// extension Colour: PostgresEncodable {
///     static var postgresType: UInt32 { String.postgresType }
///     var postgresParameter: PostgresParameter { name.postgresParameter }
/// }
/// ```
public protocol PostgresEncodable {
    /// The object identifier of the type that is sent, also for `NULL`; 0 leaves it to the server to infer.
    static var postgresType: UInt32 { get }

    /// The value as it is sent.
    var postgresParameter: PostgresParameter { get }
}

extension PostgresEncodable {
    fileprivate func binary(_ bytes: [UInt8]) -> PostgresParameter {
        PostgresParameter(type: Self.postgresType, content: .binary(bytes))
    }
}

extension Bool: PostgresEncodable {
    /// `boolean`.
    public static var postgresType: UInt32 { PostgresType.bool }
    /// The value as a `boolean`.
    public var postgresParameter: PostgresParameter { binary([self ? 1 : 0]) }
}

extension Int: PostgresEncodable {
    /// `bigint`.
    public static var postgresType: UInt32 { PostgresType.int8 }
    /// The number as a `bigint`.
    public var postgresParameter: PostgresParameter { binary(Int64(self).networkBytes) }
}

extension Int64: PostgresEncodable {
    /// `bigint`.
    public static var postgresType: UInt32 { PostgresType.int8 }
    /// The number as a `bigint`.
    public var postgresParameter: PostgresParameter { binary(networkBytes) }
}

extension Int32: PostgresEncodable {
    /// `integer`.
    public static var postgresType: UInt32 { PostgresType.int4 }
    /// The number as an `integer`.
    public var postgresParameter: PostgresParameter { binary(networkBytes) }
}

extension Int16: PostgresEncodable {
    /// `smallint`.
    public static var postgresType: UInt32 { PostgresType.int2 }
    /// The number as a `smallint`.
    public var postgresParameter: PostgresParameter { binary(networkBytes) }
}

extension Int8: PostgresEncodable {
    /// `smallint`: PostgreSQL has no smaller one.
    public static var postgresType: UInt32 { PostgresType.int2 }
    /// The number as a `smallint`.
    public var postgresParameter: PostgresParameter { binary(Int16(self).networkBytes) }
}

extension UInt8: PostgresEncodable {
    /// `smallint`, which has room for all values.
    public static var postgresType: UInt32 { PostgresType.int2 }
    /// The number as a `smallint`.
    public var postgresParameter: PostgresParameter { binary(Int16(self).networkBytes) }
}

extension UInt16: PostgresEncodable {
    /// `integer`, which has room for all values.
    public static var postgresType: UInt32 { PostgresType.int4 }
    /// The number as an `integer`.
    public var postgresParameter: PostgresParameter { binary(Int32(self).networkBytes) }
}

extension UInt32: PostgresEncodable {
    /// `bigint`, which has room for all values.
    public static var postgresType: UInt32 { PostgresType.int8 }
    /// The number as a `bigint`.
    public var postgresParameter: PostgresParameter { binary(Int64(self).networkBytes) }
}

extension UInt64: PostgresEncodable {
    /// `numeric`: no integer of PostgreSQL has room for all values.
    public static var postgresType: UInt32 { PostgresType.numeric }
    /// The number as a `numeric`.
    public var postgresParameter: PostgresParameter { PostgresNumeric(digits: String(self)).parameter }
}

extension UInt: PostgresEncodable {
    /// `numeric`: no integer of PostgreSQL has room for all values.
    public static var postgresType: UInt32 { PostgresType.numeric }
    /// The number as a `numeric`.
    public var postgresParameter: PostgresParameter { PostgresNumeric(digits: String(self)).parameter }
}

extension Double: PostgresEncodable {
    /// `double precision`.
    public static var postgresType: UInt32 { PostgresType.float8 }
    /// The number as a `double precision`.
    public var postgresParameter: PostgresParameter { binary(bitPattern.networkBytes) }
}

extension Float: PostgresEncodable {
    /// `real`.
    public static var postgresType: UInt32 { PostgresType.float4 }
    /// The number as a `real`.
    public var postgresParameter: PostgresParameter { binary(bitPattern.networkBytes) }
}

extension String: PostgresEncodable {
    /// Left to the server, which takes a text for whatever stands there: an enumeration, a time, JSON; a text if nothing else does.
    public static var postgresType: UInt32 { PostgresType.inferred }
    /// The text. One with a NUL character is refused when it is sent.
    public var postgresParameter: PostgresParameter { PostgresParameter(type: Self.postgresType, content: .text(self)) }
}

extension UUID: PostgresEncodable {
    /// `uuid`.
    public static var postgresType: UInt32 { PostgresType.uuid }
    /// The 16 bytes.
    public var postgresParameter: PostgresParameter { binary(unsafe withUnsafeBytes(of: uuid) { unsafe Array($0) }) }
}

extension Date: PostgresEncodable {
    /// `timestamp with time zone`.
    public static var postgresType: UInt32 { PostgresType.timestamptz }
    /// The instant, to a microsecond. One outside of PostgreSQL's range is refused when it is sent.
    public var postgresParameter: PostgresParameter {
        let microseconds = ((timeIntervalSinceReferenceDate + PostgresTime.referenceDate) * 1e6).rounded()
        guard let microseconds = Int64(exactly: microseconds), microseconds != .max, microseconds != .min else {
            return PostgresParameter(type: Self.postgresType, content: .failed("the date is out of range"))
        }
        return binary(microseconds.networkBytes)
    }
}

extension PostgresDate: PostgresEncodable {
    /// `date`.
    public static var postgresType: UInt32 { PostgresType.date }
    /// The day.
    public var postgresParameter: PostgresParameter { binary(daysSince2000.networkBytes) }
}

extension Decimal: PostgresEncodable {
    /// `numeric`.
    public static var postgresType: UInt32 { PostgresType.numeric }
    /// The number as a `numeric`, exactly.
    public var postgresParameter: PostgresParameter { PostgresNumeric(digits: isNaN ? "NaN" : "\(self)").parameter }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The type of the wrapped values.
    public static var postgresType: UInt32 { Wrapped.postgresType }
    /// The wrapped value, or `NULL`.
    public var postgresParameter: PostgresParameter {
        self?.postgresParameter ?? PostgresParameter(type: Wrapped.postgresType, content: .null)
    }
}

extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// An array of the elements' type; `bytea` for bytes.
    public static var postgresType: UInt32 {
        Element.self == UInt8.self ? PostgresType.bytea : PostgresType.array(of: Element.postgresType)
    }

    /// The array, with one dimension; or the bytes.
    public var postgresParameter: PostgresParameter {
        if let bytes = self as? [UInt8] { return PostgresParameter(type: PostgresType.bytea, content: .binary(bytes)) }
        var (items, hasNull) = ([UInt8](), false)
        for element in self {
            switch element.postgresParameter.content {
            case .null:
                hasNull = true
                items += Int32(-1).networkBytes
            case .binary(let bytes): items += Int32(bytes.count).networkBytes + bytes
            case .text(let text):
                guard !text.utf8.contains(0) else {
                    return PostgresParameter(type: Self.postgresType, content: .failed("a text has a NUL character"))
                }
                items += Int32(text.utf8.count).networkBytes + text.utf8
            case .failed(let reason): return PostgresParameter(type: Self.postgresType, content: .failed(reason))
            }
        }
        let elementType = Element.postgresType == PostgresType.inferred ? PostgresType.text : Element.postgresType
        let head = Int32(isEmpty ? 0 : 1).networkBytes + Int32(hasNull ? 1 : 0).networkBytes + elementType.networkBytes
        let dimension = isEmpty ? [] : Int32(count).networkBytes + Int32(1).networkBytes
        return PostgresParameter(type: Self.postgresType, content: .binary(head + dimension + items))
    }
}

extension PostgresJSON: PostgresEncodable where Value: Encodable {
    /// `jsonb`.
    public static var postgresType: UInt32 { PostgresType.jsonb }
    /// The value as JSON. One that cannot be encoded is refused when it is sent.
    public var postgresParameter: PostgresParameter {
        do {
            return PostgresParameter(type: Self.postgresType, content: .binary([1] + (try JSONEncoder().encode(value))))
        } catch {
            return PostgresParameter(type: Self.postgresType, content: .failed("it has no JSON"))
        }
    }
}
