// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What can be the value of a statement's parameter.
///
/// A type of your own is sent as one of the types here:
///
/// ```swift
/// extension Colour: PostgresEncodable {
///     var postgresParameter: PostgresParameter { PostgresParameter(name) }
/// }
/// ```
///
/// A type with raw values needs no more than the conformance.
public protocol PostgresEncodable {
    /// The type that all parameters of this type have, which is what `nil` and an empty array are sent as. By default
    /// ``PostgresType/unspecified``, which is right for what is sent as a `String`.
    static var postgresType: PostgresType { get }

    /// The value as it is sent.
    var postgresParameter: PostgresParameter { get }
}

extension PostgresEncodable {
    /// The server finds the type.
    public static var postgresType: PostgresType { .unspecified }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    /// The type of the raw value.
    public static var postgresType: PostgresType { RawValue.postgresType }

    /// The raw value. Its type is `postgresType`, if that is a type by name, see ``PostgresType/init(named:)``.
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
    /// The text, in text format and without a type, so that the server takes it for whatever the statement needs there: an
    /// enumeration, JSON, a `uuid`. Where nothing says what that is, it is `text`.
    ///
    /// A text with a NUL character is refused when the statement is sent, with the code `encoding`.
    public var postgresParameter: PostgresParameter { PostgresParameter(.unspecified, .text(self)) }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The type of the wrapped value.
    public static var postgresType: PostgresType { Wrapped.postgresType }

    /// The wrapped value, or `NULL` of its type.
    public var postgresParameter: PostgresParameter { self?.postgresParameter ?? .null(Wrapped.postgresType) }
}
