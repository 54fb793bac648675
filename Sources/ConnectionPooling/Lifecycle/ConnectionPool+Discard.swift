// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import CLockPoolThread
public import LockPool
internal import Synchronization

/// Controls what the pool does with a connection after the body of `withConnection`.
///
/// The control cannot leave the body.
public struct LeaseControl: ~Copyable, Sendable {
    private let record: ConnectionRecord

    @usableFromInline
    init(_ record: ConnectionRecord) { self.record = record }

    /// Closes the connection after the body, whatever its state. The pool replaces it on demand.
    ///
    /// For a connection whose state the factory's `inspect` cannot know, such as a session
    /// setting, or a protocol error of a layer above.
    ///
    /// - Complexity: O(1); one store.
    public func discardAfterUse() { record.markDiscarded() }
}

extension ConnectionPool {
    /// Calls `body` with a connection and a control that can discard the connection.
    ///
    /// ```swift
    /// try await pool.withConnection { connection, lease in
    ///     guard try await connection.isInSync() else { return lease.discardAfterUse() }
    ///     …
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for a connection; by default the configuration's
    ///     `checkoutTimeout`.
    ///   - file: The file of the call site, for reports of leases that last too long.
    ///   - line: The line of the call site.
    ///   - body: Uses the connection.
    /// - Returns: The result of `body`.
    /// - Throws: The error that `body` throws, unchanged. Without a connection:
    ///   `CancellationError` if the task was cancelled while it waited, otherwise ``PoolError``.
    @inlinable
    public func withConnection<Result: ~Copyable>(
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line,
        _ body: (borrowing Factory.Connection, borrowing LeaseControl) async throws -> sending Result
    ) async throws -> sending Result {
        let slot = try await slot(within: timeout, CallSite(file, line, task: lockpool_current_task()))
        defer { context.release(slot) }
        let control = LeaseControl(unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.record)
        return try await body(
            unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.connection,
            control
        )
    }

    /// Removes a leased connection from the pool and frees its slot.
    func detach(_ lease: consuming LockGuard<PooledConnection<Factory.Connection>>) -> Factory.Connection {
        let record = lease.element.record
        let now = time.now
        let use = record.endLease(at: now)
        let recovered = record.wasReported(now &- use) ? record.callSite : nil
        closer.set(nil, for: records.index(of: record))
        let pooled = lease.take()
        closer.detached()
        noteClosing(.detached)
        noteUse(use, recovered: recovered)
        grow()
        notifyShutdown()
        return pooled.connection
    }

    /// Notifies the observers of a finished use, after the connection has been passed on.
    ///
    /// - Parameter recovered: The call site of the checkout, if the lease was reported as too
    ///   long.
    func noteUse(_ nanoseconds: UInt64, recovered: CallSite?) {
        let duration = Duration.nanoseconds(Int64(clamping: nanoseconds))
        if usesAreObserved {
            for observer in observers where observer.observesUses {
                observer.observe(.used(duration), in: configuration.name)
            }
        }
        if let recovered { notify(.recovered(callSite: "\(recovered)", age: duration)) }
        // No further maintenance runs in a closed pool, so the last lease reports the status.
        if isObserved, lockPool.isClosed, lockPool.occupancy.leased == 0 { reportStatus() }
    }
}

extension LeaseContext {
    /// Marks a leased connection to be closed on its return.
    @usableFromInline
    func markDiscarded(_ slot: LeasedSlot) {
        unsafe slot.element(PooledConnection<Factory.Connection>.self).pointee.record.markDiscarded()
    }

    /// Removes a leased connection from the pool. Does not access the context afterwards.
    @usableFromInline
    func detach(_ slot: LeasedSlot) -> Factory.Connection {
        let lease = LockGuard<PooledConnection<Factory.Connection>>(slot)
        // Without a pool, nothing counts the connection, waits for its end or interrupts it.
        guard let pool = unsafe pool else { return lease.take().connection }
        return pool.detach(lease)
    }
}
