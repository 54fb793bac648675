// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

/// A connection that is checked out of a ``ConnectionPool``. It goes back when the lease ends.
///
/// A lease cannot be copied, so a connection is never held twice. It may be kept across `await`, and given to another task
/// by a `consuming sending` parameter.
@frozen
public struct ConnectionLease<Factory: ConnectionFactory>: ~Copyable, Sendable {
    @usableFromInline let pool: ConnectionPool<Factory>
    @usableFromInline let slot: LeasedSlot

    @inlinable
    init(_ slot: LeasedSlot, of pool: ConnectionPool<Factory>) {
        self.pool = pool
        self.slot = slot
    }

    @inlinable
    deinit {
        pool.takeBack(slot)
    }

    /// The connection, in place.
    @inlinable
    public var connection: Factory.Connection {
        _read { yield unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection }
    }

    /// Gives the connection back now, instead of at the end of the lease's scope.
    @inlinable
    public consuming func release() {}
}
