// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A type that can be the value of a statement's parameter.
///
/// A custom type is sent as one of the types here:
///
/// ```swift
/// extension Colour: PostgresEncodable {
///     var postgresParameter: PostgresParameter { PostgresParameter(name) }
/// }
/// ```
///
/// A type with raw values only needs to declare the conformance.
public protocol PostgresEncodable {
    /// The type of all parameters of this Swift type, including `nil` and an empty array. The
    /// default is ``PostgresType/unspecified``, which suits types that are sent as a `String`.
    static var postgresType: PostgresType { get }

    /// The encoded value.
    var postgresParameter: PostgresParameter { get }
}

extension PostgresEncodable {
    /// The server infers the type.
    public static var postgresType: PostgresType { .unspecified }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    /// The type of the raw value.
    public static var postgresType: PostgresType { RawValue.postgresType }

    /// The raw value. If `postgresType` is a type by name, it is the type of the parameter; see
    /// ``PostgresType/init(named:)``.
    public var postgresParameter: PostgresParameter {
        let (parameter, type) = (rawValue.postgresParameter, Self.postgresType)
        return type.isNamed ? PostgresParameter(type, parameter.content) : parameter
    }
}

extension PostgresParameter: PostgresEncodable {
    /// The parameter itself.
    public var postgresParameter: PostgresParameter { self }
}

extension String: PostgresArrayEncodable {
    /// The text, in text format and without a type, so that the server infers the type from the
    /// statement: an enumeration, JSON, a `uuid`. If nothing determines it, the type is `text`.
    ///
    /// Sending a text with a NUL character fails with the code `encoding`.
    public var postgresParameter: PostgresParameter { PostgresParameter(.unspecified, .text(self)) }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The type of the wrapped value.
    public static var postgresType: PostgresType { Wrapped.postgresType }

    /// The wrapped value, or `NULL` of its type.
    public var postgresParameter: PostgresParameter { self?.postgresParameter ?? .null(Wrapped.postgresType) }
}
