// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

extension Link {
    /// Returns the next result of a statement that gives its rows one by one, if libpq has it: most rows arrive many at a time.
    /// Nothing suspends.
    ///
    /// - Returns: libpq's result, which is the caller's; `nil` if it has not arrived, the stream has ended, or `client_encoding` has changed.
    @inline(__always)
    func resultAtHand(lease: Int, statement: Int?) -> OpaquePointer? {
        guard isCurrent(lease: lease, statement: statement), isUTF8 else { return nil }
        beginUse()
        defer { endUse() }
        return unsafe PQisBusy(handle) == 0 ? PQgetResult(handle) : nil
    }

    /// Whether libpq has the next result of the statement, or its end, so that fetching it suspends nothing.
    var hasResultAtHand: Bool { unsafe PQisBusy(handle) == 0 }

    /// Whether a stream of rows may go on: its lease has not ended, and no other statement has been run.
    @inline(__always)
    func isCurrent(lease: Int, statement: Int?) -> Bool {
        leases.load(ordering: .relaxed) == lease
            && (statement == nil || statement == statements.load(ordering: .relaxed))
    }
}
