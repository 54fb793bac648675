// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool

/// A leased connection of a ``ConnectionPool``. The end of the lease returns it.
///
/// A lease is noncopyable, so a connection has one holder. It may be kept across `await`, and
/// passed to another task as a `consuming sending` parameter.
@frozen
@safe
public struct ConnectionLease<Factory: ConnectionFactory>: ~Copyable, Sendable {
    /// Alive as long as the slot is leased: see ``LeaseContext``.
    @usableFromInline let context: Unmanaged<LeaseContext<Factory>>
    /// `nil` after the connection was detached.
    @usableFromInline var slot: LeasedSlot?

    @inlinable
    init(_ slot: LeasedSlot, of pool: ConnectionPool<Factory>) {
        unsafe context = .passUnretained(pool.context)
        self.slot = slot
    }

    @inlinable
    deinit {
        if let slot { unsafe context._withUnsafeGuaranteedRef { $0.release(slot) } }
    }

    /// The connection, in place.
    @inlinable
    public var connection: Factory.Connection {
        _read {
            yield unsafe slot.unsafelyUnwrapped.element(PooledConnection<Factory.Connection>.self).pointee.connection
        }
    }

    /// Returns the connection now, instead of at the end of the lease's scope.
    @inlinable
    public consuming func release() {}

    /// Closes the connection instead of passing it on, whatever its state. The pool replaces it
    /// on demand.
    ///
    /// - Complexity: O(1), and O(connections) if callers wait.
    @inlinable
    public consuming func discard() {
        if let slot { unsafe context._withUnsafeGuaranteedRef { $0.markDiscarded(slot) } }
    }

    /// Removes the connection from the pool.
    ///
    /// The slot is vacant at once: the pool makes another connection on demand, and the detached
    /// one does not count. The caller owns the connection and must close it. A shutdown of the
    /// pool neither interrupts it nor waits for it.
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
