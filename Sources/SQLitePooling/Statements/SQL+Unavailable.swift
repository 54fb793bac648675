// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What cannot be interpolated, each with what to do instead. The compiler considers these only where nothing else fits.

extension SQL.StringInterpolation {
    /// A value whose type does not conform to ``SQLiteEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            the type of this value does not conform to SQLiteEncodable: interpolate a value that does, or declare the conformance; a \
            name is interpolated as \\(identifier: name), a part of a statement as \\(sql: part)
            """
    )
    public mutating func appendInterpolation<Value>(_ value: Value) {}

    /// An enumeration, or the like, that does not conform to ``SQLiteEncodable``.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: """
            this type has a raw value and does not conform to SQLiteEncodable: declare the conformance in an extension without \
            members, and its raw value is the parameter
            """
    )
    public mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value) {}

    /// A collection, which is not one value.
    @_disfavoredOverload
    @available(
        *,
        unavailable,
        message: "SQLite has no arrays: write IN \\(list: values), without parentheses, to look for one of the elements"
    )
    public mutating func appendInterpolation<Values: Sequence>(_ value: Values) {}

    /// A part of a text.
    @_disfavoredOverload
    @available(*, unavailable, message: "a parameter is a String: interpolate String(value)")
    public mutating func appendInterpolation<Text: StringProtocol>(_ value: Text) {}
}
