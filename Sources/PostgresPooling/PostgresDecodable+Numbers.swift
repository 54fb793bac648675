// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension FixedWidthInteger where Self: BinaryInteger {
    /// The value of any of PostgreSQL's integers, if it fits.
    fileprivate init(integer cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = unsafe try cell.require(
            PostgresType.int8,
            PostgresType.int4,
            PostgresType.int2,
            PostgresType.oid,
            for: "\(Self.self)"
        )
        let value: Int64
        switch cell.type {
        case PostgresType.int8: value = unsafe try cell.number(Int64.self, bytes)
        case PostgresType.int4: value = Int64(unsafe try cell.number(Int32.self, bytes))
        case PostgresType.int2: value = Int64(unsafe try cell.number(Int16.self, bytes))
        default: value = Int64(unsafe try cell.number(UInt32.self, bytes))
        }
        guard let number = Self(exactly: value) else {
            throw cell.mismatch("the number does not fit into \(Self.self)")
        }
        self = number
    }

    /// As `init(integer:)`, and also that of a `numeric`, for types that are wider than any integer of PostgreSQL.
    fileprivate init(unsigned cell: borrowing PostgresCell) throws(PostgresError)
    where Self: LosslessStringConvertible {
        guard cell.type == PostgresType.numeric else {
            try self.init(integer: cell)
            return
        }
        guard let number = Self(try String(cell: cell)) else {
            throw cell.mismatch("the number does not fit into \(Self.self)")
        }
        self = number
    }
}

extension Int: PostgresDecodable {
    /// The value of an integer.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension Int64: PostgresDecodable {
    /// The value of an integer.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension Int32: PostgresDecodable {
    /// The value of an integer, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension Int16: PostgresDecodable {
    /// The value of an integer, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension Int8: PostgresDecodable {
    /// The value of an integer, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension UInt: PostgresDecodable {
    /// The value of an integer or a `numeric`, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(unsigned: cell) }
}

extension UInt64: PostgresDecodable {
    /// The value of an integer or a `numeric`, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(unsigned: cell) }
}

extension UInt32: PostgresDecodable {
    /// The value of an integer, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension UInt16: PostgresDecodable {
    /// The value of an integer, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }
}

extension UInt8: PostgresDecodable {
    /// The value of an integer, if it fits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) { try self.init(integer: cell) }

    /// The bytes of a `bytea`.
    public static func decodeArray(cell: borrowing PostgresCell) throws(PostgresError) -> [UInt8] {
        unsafe Array(try cell.require(PostgresType.bytea, for: "[UInt8]"))
    }
}

extension Double: PostgresDecodable {
    /// The value of a `double precision` or a `real`.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        let bytes = unsafe try cell.require(PostgresType.float8, PostgresType.float4, for: "Double")
        self =
            cell.type == PostgresType.float8
            ? Double(bitPattern: unsafe try cell.number(UInt64.self, bytes))
            : Double(Float(bitPattern: unsafe try cell.number(UInt32.self, bytes)))
    }
}

extension Float: PostgresDecodable {
    /// The value of a `real`. One of a `double precision` would lose digits.
    public init(cell: borrowing PostgresCell) throws(PostgresError) {
        self = Float(bitPattern: unsafe try cell.number(UInt32.self, cell.require(PostgresType.float4, for: "Float")))
    }
}
