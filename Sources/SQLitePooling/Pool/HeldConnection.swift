// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// A connection that a call uses without releasing it.
///
/// ``release()`` or the last reference releases it.
final class HeldConnection: Sendable {
    private let lease: Locked<ConnectionLease<SQLiteWorkerFactory>?>
    let worker: SQLiteWorker
    /// Whether a call has run on it. Before the first one, a group of writes may still run, and
    /// owns the connection.
    private let isUsed = Atomic(false)

    init(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) {
        worker = lease.connection
        self.lease = Locked(consume lease)
    }

    /// Notes that a call runs on the connection.
    func noteUse() { isUsed.store(true, ordering: .releasing) }

    func release() {
        guard let lease = lease.withLock({ $0.take() }) else { return }
        if isUsed.load(ordering: .acquiring) { worker.release(lease) } else { lease.release() }
    }

    deinit { release() }
}

/// A lease that a work item releases.
final class HeldLease: Sendable {
    private let lease: Locked<ConnectionLease<SQLiteWorkerFactory>?>

    init(_ lease: consuming ConnectionLease<SQLiteWorkerFactory>) { self.lease = Locked(lease) }

    func end() {
        let lease = lease.withLock { $0.take() }
        lease?.release()
    }
}
