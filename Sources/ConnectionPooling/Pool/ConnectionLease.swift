// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

/// A connection that is checked out of a ``ConnectionPool``. It goes back when the lease ends.
///
/// A lease cannot be copied, so a connection is never held twice. It may be kept across `await`, and given to another task
/// by a `consuming sending` parameter.
@frozen
@safe
public struct ConnectionLease<Factory: ConnectionFactory>: ~Copyable, Sendable {
    /// Alive as long as the slot is out: see ``LeaseContext``.
    @usableFromInline let context: Unmanaged<LeaseContext<Factory>>
    /// `nil` once the connection was detached.
    @usableFromInline var slot: LeasedSlot?

    @inlinable
    init(_ slot: LeasedSlot, of pool: ConnectionPool<Factory>) {
        unsafe context = .passUnretained(pool.context)
        self.slot = slot
    }

    @inlinable
    deinit {
        if let slot { unsafe context._withUnsafeGuaranteedRef { $0.takeBack(slot) } }
    }

    /// The connection, in place.
    @inlinable
    public var connection: Factory.Connection {
        _read {
            yield unsafe slot.unsafelyUnwrapped.element(PooledConnection<Factory.Connection>.self).pointee.connection
        }
    }

    /// Gives the connection back now, instead of at the end of the lease's scope.
    @inlinable
    public consuming func release() {}

    /// Closes the connection instead of passing it on, whatever state it is in. The pool makes another on demand.
    ///
    /// - Complexity: O(1), and O(connections) where callers wait.
    @inlinable
    public consuming func discard() {
        if let slot { unsafe context._withUnsafeGuaranteedRef { $0.markDiscarded(slot) } }
    }

    /// Takes the connection out of the pool for good.
    ///
    /// The slot is free at once: the pool makes another connection on demand, which the detached one does not count against. The
    /// caller owns the connection and has to close it. The pool neither interrupts it nor waits for it in a shutdown.
    ///
    /// - Returns: The connection.
    /// - Complexity: O(connections).
    @inlinable
    public consuming func detach() -> Factory.Connection {
        let detached = unsafe slot.unsafelyUnwrapped
        slot = nil
        return unsafe context.takeUnretainedValue().detach(detached)
    }
}
