// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresType {
    /// `time without time zone`
    public static var time: PostgresType { PostgresType(oid: 1083) }

    /// `time with time zone`
    public static var timetz: PostgresType { PostgresType(oid: 1266) }

    /// `interval`: months, days and microseconds.
    public static var interval: PostgresType { PostgresType(oid: 1186) }

    /// `money`: an amount in the smallest unit of a currency that the server's settings name.
    public static var money: PostgresType { PostgresType(oid: 790) }

    /// `xid`: a transaction identifier of 32 bits, which wraps around.
    public static var xid: PostgresType { PostgresType(oid: 28) }

    /// `cid`: the number of a command within its transaction.
    public static var cid: PostgresType { PostgresType(oid: 29) }

    /// `xid8`: a transaction identifier of 64 bits.
    public static var xid8: PostgresType { PostgresType(oid: 5069) }

    /// `pg_lsn`: a position in the write-ahead log.
    public static var lsn: PostgresType { PostgresType(oid: 3220) }
}
