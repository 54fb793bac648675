// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
@_spi(Callbacks) import LockPool
import PoolTesting

/// A caller that waits by a callback, and reads its outcome when the test requests it.
final class CallbackWaiter: Sendable {
    private let pool: ConnectionPool<ScriptedFactory>
    private let turn = Locked<Turn?>(nil)
    private let start: WaitStart

    init(in pool: ConnectionPool<ScriptedFactory>) throws {
        self.pool = pool
        start = pool.beginWait()
        let context = unsafe Unmanaged.passRetained(self)
        _ = try unsafe pool.wait(context: context.toOpaque(), timeout: .seconds(3_600), since: start) { context, turn in
            let waiter = unsafe Unmanaged<CallbackWaiter>.fromOpaque(context).takeRetainedValue()
            waiter.turn.withLock { $0 = Turn(rawValue: turn) }
        }
    }

    var hasTurn: Bool { turn.withLock { $0 != nil } }

    /// Takes the lease. Called once, after the turn.
    func lease() throws(PoolError) -> ConnectionLease<ScriptedFactory> {
        guard let turn = turn.withLock({ $0 }) else { preconditionFailure("The waiter has no turn yet.") }
        return try unsafe pool.lease(turn, for: CallSite(#fileID, #line), waitedSince: start)
    }

    /// The error of the turn; `nil` if it brought a connection, which is released.
    var error: PoolError? {
        do {
            try lease().release()
            return nil
        } catch {
            return error
        }
    }
}
