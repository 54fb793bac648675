// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The pool of a key, its users, and the callers that wait for it.
///
/// The properties belong to the lock of the ``PoolTable``.
final class PoolEntry<Key: Hashable & Sendable>: @unchecked Sendable {
    let key: Key
    var phase = Phase.closed
    /// The pool, from the end of its opening to the end of its closing.
    var pool: SQLitePool?
    /// The number of callers that use the pool.
    var users = 0
    /// The callers that wait, in FIFO order.
    var line: [PoolWaiter<Key>] = []
    /// The file of the pool, once it is known.
    var file: FileIdentity?

    /// The neighbours in the list of the phase.
    fileprivate var next: PoolEntry?
    fileprivate var previous: PoolEntry?

    enum Phase {
        /// There is no pool.
        case closed
        /// There is no pool, and a caller waits until another pool has been closed.
        case queued
        case opening
        /// Open and not in use.
        case idle
        case used
        /// In use for the last time: later callers wait, because the pool is closed for another
        /// key.
        case retiring
        case closing
        /// Closed by a caller that has the file for itself.
        case held
    }

    init(_ key: Key) { self.key = key }

    /// Whether a new caller uses the pool immediately.
    var admits: Bool { line.isEmpty && (phase == .idle || phase == .used) }

    /// Removes and returns the callers at the front of the line that use a pool.
    func takeUsers() -> ArraySlice<PoolWaiter<Key>> {
        let users = line.prefix { $0.kind == .use }
        line.removeFirst(users.count)
        return users
    }
}

/// Entries in an order. An entry is in one list at most.
struct PoolEntryList<Key: Hashable & Sendable> {
    private(set) var count = 0
    private(set) var first: PoolEntry<Key>?
    private(set) var last: PoolEntry<Key>?

    mutating func append(_ entry: PoolEntry<Key>) {
        entry.previous = last
        if let last { last.next = entry } else { first = entry }
        last = entry
        count += 1
    }

    mutating func remove(_ entry: PoolEntry<Key>) {
        let (previous, next) = (entry.previous, entry.next)
        if let previous { previous.next = next } else { first = next }
        if let next { next.previous = previous } else { last = previous }
        entry.previous = nil
        entry.next = nil
        count -= 1
    }

    /// Removes all entries, which otherwise keep each other alive.
    mutating func removeAll() {
        while let entry = first { remove(entry) }
    }
}
