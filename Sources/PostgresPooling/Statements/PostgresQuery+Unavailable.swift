// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Interpolations that do not compile, each with the alternative. The compiler considers them only
// if nothing else fits.

extension PostgresQuery.StringInterpolation {
    /// A value whose type does not conform to ``PostgresEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            the type of this value does not conform to PostgresEncodable: interpolate a value that does, or declare the conformance; \
            a name is interpolated as \\(identifier: name), a part of a statement as \\(sql: part)
            """
    )
    public mutating func appendInterpolation<Value>(_ value: Value) {}

    /// A value with a raw value, such as an enumeration, that does not conform to
    /// ``PostgresEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            this type has a raw value and does not conform to PostgresEncodable: declare the conformance in an extension without \
            members, and its raw value is the parameter
            """
    )
    public mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value) {}

    /// A sequence that is not an array of a type that conforms to ``PostgresArrayEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            a parameter of many values is an Array whose elements conform to PostgresArrayEncodable: write = ANY(\\(array)) where other \
            databases have IN (…)
            """
    )
    public mutating func appendInterpolation<Values: Sequence>(_ value: Values) {}

    /// A part of a string.
    @_disfavoredOverload
    @available(*, unavailable, message: "a parameter is a String: interpolate String(value)")
    public mutating func appendInterpolation<Text: StringProtocol>(_ value: Text) {}
}
