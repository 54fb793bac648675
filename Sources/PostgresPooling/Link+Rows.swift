// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

extension Link {
    /// Returns the next row of a statement that gives its rows one by one, if libpq has it: most rows arrive many at a time.
    /// Nothing suspends.
    ///
    /// - Parameters:
    ///   - last: The last row, whose memory is used again if no caller has kept it.
    ///   - sql: The text of the statement.
    /// - Returns: The row; `nil` if the next result has not arrived, or is `other`.
    @inline(__always)
    func rowAtHand(reusing last: inout PostgresResult?, sql: String, other: inout PostgresResult?) -> PostgresResult? {
        beginUse()
        defer { endUse() }
        guard unsafe PQisBusy(handle) == 0, let next = unsafe PQgetResult(handle) else { return nil }
        guard unsafe PQresultStatus(next) == PGRES_SINGLE_TUPLE else {
            other = unsafe PostgresResult(next, sql: sql)
            return nil
        }
        if isKnownUniquelyReferenced(&last), let last {
            unsafe last.replace(by: next)
            return last
        }
        last = unsafe PostgresResult(next, sql: sql)
        return last
    }

    /// Whether a stream of rows may go on: its lease has not ended, and no other statement has been run.
    @inline(__always)
    func isCurrent(lease: Int, statement: Int?) -> Bool {
        leases.load(ordering: .relaxed) == lease
            && (statement == nil || statement == statements.load(ordering: .relaxed))
    }
}
