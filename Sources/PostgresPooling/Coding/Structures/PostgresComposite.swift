// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A value of a composite type of the database, as a parameter.
///
/// ```swift
/// // CREATE TYPE address AS (street text, number integer)
/// struct Address: PostgresComposite, PostgresArrayDecodable {
///     static let postgresType = PostgresType(named: "address")
///     var street: String
///     var number: Int
///
///     var postgresFields: [any PostgresEncodable] { [street, number] }
///
///     init(cell: borrowing PostgresCell) throws(PostgresError) {
///         (street, number) = try cell.decodeFields(as: (String, Int).self)
///     }
/// }
/// ```
///
/// `postgresType` must be a type by name. The fields must be those of the type, in order, each of
/// the type of its column. An integer of another width is converted if the number fits, and a
/// `String` is sent as the column's type if that is a text type. Sending any other field, or
/// another number of fields, fails with the code `encoding`.
///
/// A table is a composite type too. Its fields are its columns.
public protocol PostgresComposite: PostgresArrayEncodable {
    /// The values of the fields, in the order of the type's declaration.
    var postgresFields: [any PostgresEncodable] { get }
}

extension PostgresComposite {
    /// The value. Its type is looked up when it is sent.
    public var postgresParameter: PostgresParameter {
        guard Self.postgresType.reference == .name else {
            return .failure("the postgresType of \(Self.self) is not a type by name")
        }
        let fields = postgresFields.map(\.postgresParameter)
        return PostgresParameter(Self.postgresType, .structure(.record(fields: fields)))
    }
}
