// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
public import LockPool
internal import Synchronization

/// Lets the body of a `withConnection` say what becomes of its connection afterwards.
///
/// It cannot leave the body.
public struct LeaseControl: ~Copyable, Sendable {
    private let place: Place

    @usableFromInline
    init(_ place: Place) { self.place = place }

    /// Closes the connection when the body has ended, whatever state it is in. The pool makes another on demand.
    ///
    /// For a connection whose state the factory's `inspect` cannot know: a session setting, a protocol error of a layer above.
    ///
    /// - Complexity: O(1); one store.
    public func discardAfterUse() { place.markDiscarded() }
}

extension ConnectionPool {
    /// Lends a connection to `body`, with a control that can have the connection discarded afterwards.
    ///
    /// ```swift
    /// try await pool.withConnection { connection, lease in
    ///     guard try await connection.isInSync() else { return lease.discardAfterUse() }
    ///     …
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; by default the configuration's `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, unchanged. If there was no connection: `CancellationError` if the task was cancelled
    ///   while it waited, else ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection, borrowing LeaseControl) async throws -> sending Result
    ) async throws -> sending Result {
        let slot = try await slot(within: timeout, Caller(file, line, task: lockpool_current_task()))
        defer { context.takeBack(slot) }
        let control = LeaseControl(unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.place)
        return try await body(
            unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection,
            control
        )
    }

    /// Takes a leased connection out of the pool for good, and frees its slot.
    func detach(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) -> Factory.Connection {
        let place = lease.element.place
        let now = time.now
        let use = place.end(at: now)
        let recovered = place.wasReported(now &- use) ? place.caller : nil
        closer.set(nil, for: places.index(of: place))
        let pooled = lease.take()
        closer.detached()
        noteClosing(.detached)
        noteUse(use, recovered: recovered)
        grow()
        tellShutdown()
        return pooled.connection
    }

    /// Tells the observers of a use that has ended, after the connection was passed on.
    ///
    /// - Parameter recovered: Where the connection was checked out, if the lease had been reported as too long.
    func noteUse(_ nanoseconds: UInt64, recovered: Caller?) {
        let duration = Duration.nanoseconds(Int64(clamping: nanoseconds))
        if usesAreObserved {
            for observer in observers where observer.observesUses {
                observer.observe(.used(duration), in: configuration.name)
            }
        }
        if let recovered { notify(.recovered(place: "\(recovered)", age: duration)) }
        // No round of maintenance comes any more: the last lease reports.
        if isObserved, lockPool.isClosed, lockPool.occupancy.leased == 0 { reportStatus() }
    }
}

extension LeaseContext {
    /// Marks a leased connection, so that it is closed on its return.
    @usableFromInline
    func markDiscarded(_ slot: LeasedSlot) {
        unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.place.markDiscarded()
    }

    /// Takes a leased connection out of the pool for good. Uses nothing of the context afterwards.
    @usableFromInline
    func detach(_ slot: LeasedSlot) -> Factory.Connection {
        let lease = LockGuard<PooledConnection<Factory.Connection>>(slot)
        // Without a pool, nothing counts connections, waits for their end or interrupts them.
        guard let pool = unsafe pool else { return lease.take().connection }
        return pool.detach(lease)
    }
}

extension Place {
    /// The instant of retirement that stands for a holder's request to close the connection. It has always come.
    private static var discarded: UInt64 { 1 }

    /// Notes that the holder wants the connection closed. An eviction in the meantime has the same effect.
    func markDiscarded() { unsafe record.pointee.retireAt.store(Self.discarded, ordering: .sequentiallyConsistent) }

    var isDiscarded: Bool { retireAt == Self.discarded }
}
