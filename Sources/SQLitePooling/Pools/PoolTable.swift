// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The entries of ``SQLitePools``, and the rules by which pools open and close.
///
/// A value without tasks and clocks: events go in, and ``effects`` come out, which the owner
/// performs after it has released its lock.
///
/// - A pool occupies a *room* from the beginning of its opening to the end of its closing. At
///   most `maximum` rooms are occupied.
/// - Entries without a room are queued in FIFO order. Callers with the same key share an entry.
/// - While an entry is queued, the least recently used pool that is not in use is closed. If all
///   are in use, the ones that have been in use without a pause for the longest time retire:
///   their later callers wait, so that constant use of some pools does not exclude other keys.
struct PoolTable<Key: Hashable & Sendable> {
    typealias Entry = PoolEntry<Key>
    typealias Waiter = PoolWaiter<Key>

    enum Effect: Sendable {
        case open(Entry)
        case close(Entry, SQLitePool, SQLitePoolsEvent.CloseReason)
        case resume(@Sendable () -> Void)
    }

    let maximum: Int
    var state = PoolState.accepting
    var effects: [Effect] = []
    /// Calls that wait for a change.
    private var watchers: [CheckedContinuation<Void, Never>] = []
    private(set) var entries: [Key: Entry] = [:]
    /// The keys of the files of open pools.
    private var files: [FileIdentity: Key] = [:]

    private(set) var queue = PoolEntryList<Key>()
    /// The least recently used one is the first.
    private(set) var idle = PoolEntryList<Key>()
    /// In the order in which they were last idle.
    private(set) var used = PoolEntryList<Key>()
    private(set) var retiring = PoolEntryList<Key>()
    private(set) var opening = 0
    private(set) var closing = 0
    private(set) var held = 0
    private(set) var waiting = 0
    private(set) var counters = SQLitePoolsSnapshot.Counters()

    init(maximum: Int) { self.maximum = maximum }

    /// The number of pools that are open.
    var open: Int { idle.count + used.count + retiring.count }

    /// The number of occupied rooms.
    private var rooms: Int { open + opening + closing }

    /// Whether no caller uses a pool or waits.
    var isUnused: Bool { used.count == 0 && retiring.count == 0 && held == 0 && waiting == 0 }

    // MARK: Callers

    /// Begins a use at once, if the pool is open and no caller waits for it.
    mutating func tryBeginUse(_ key: Key) -> Entry? {
        guard state == .accepting, let entry = entries[key], entry.admits else { return nil }
        counters.hits += 1
        beginUse(entry)
        return entry
    }

    /// Begins a use that the same task has begun before, although later callers wait.
    mutating func tryBeginUse(again entry: Entry) -> Bool {
        guard entry.users > 0, state == .accepting else { return false }
        counters.hits += 1
        entry.users += 1
        return true
    }

    /// Puts a caller into the line of a key.
    mutating func wait(for key: Key, _ kind: Waiter.Kind) -> Waiter {
        let entry = entries[key] ?? Entry(key)
        entries[key] = entry
        let waiter = Waiter(kind, entry)
        entry.line.append(waiter)
        waiting += 1
        switch entry.phase {
        case .closed: settle(entry)
        case .idle:
            idle.remove(entry)
            close(entry, .requested)
        case .queued, .opening, .used, .retiring, .closing, .held: break
        }
        advance()
        return waiter
    }

    /// Ends a use.
    mutating func endUse(of entry: Entry) {
        entry.users -= 1
        if entry.users == 0 { becomeUnused(entry) }
    }

    /// Ends the time in which a caller has the file for itself.
    mutating func endHold(of entry: Entry) {
        held -= 1
        entry.phase = .closed
        settle(entry)
        advance()
    }

    /// Ends a wait with an error, unless it has ended.
    mutating func fail(_ waiter: Waiter, _ error: any Error) {
        guard end(waiter, .failure(error)) else { return }
        let entry = waiter.entry
        entry.line.removeAll { $0 === waiter }
        switch entry.phase {
        case .queued where entry.line.first?.kind != .use:
            queue.remove(entry)
            entry.phase = .closed
            settle(entry)
        // The callers behind one that wanted the file for itself.
        case .used: admit(entry)
        default: break
        }
        advance()
    }

    // MARK: Opening and closing

    /// Notes that a pool is open.
    mutating func didOpen(_ entry: Entry, _ pool: SQLitePool) {
        opening -= 1
        counters.opened += 1
        entry.pool = pool
        entry.phase = .used
        used.append(entry)
        admit(entry)
        if entry.users == 0 { becomeUnused(entry) }
        advance()
    }

    /// Notes that a pool cannot be opened, which is an error for those that wait for it. The next
    /// caller tries again.
    mutating func didFail(_ entry: Entry, _ error: any Error) {
        opening -= 1
        counters.openFailures += 1
        forgetFile(of: entry)
        entry.phase = .closed
        for waiter in entry.takeUsers() { _ = end(waiter, .failure(error)) }
        settle(entry)
        advance()
    }

    /// Notes that the files of a pool are closed.
    mutating func didClose(_ entry: Entry) {
        closing -= 1
        counters.closed += 1
        forgetFile(of: entry)
        entry.pool = nil
        entry.phase = .closed
        settle(entry)
        advance()
    }

    /// Notes the file of a pool.
    ///
    /// - Returns: Another key whose pool has the same file; `nil` if there is none.
    mutating func claim(_ file: FileIdentity, for entry: Entry) -> Key? {
        if let owner = files[file], owner != entry.key { return owner }
        files[file] = entry.key
        entry.file = file
        return nil
    }

    private mutating func forgetFile(of entry: Entry) {
        if let file = entry.file { files[file] = nil }
        entry.file = nil
    }

    /// Refuses all callers, those that wait too, and closes the pools that are not in use.
    mutating func close(failing error: any Error) {
        state = .closed
        for entry in entries.values {
            for waiter in entry.line { _ = end(waiter, .failure(error)) }
            entry.line = []
            if entry.phase == .queued { entries[entry.key] = nil }
        }
        queue.removeAll()
        while let entry = idle.first {
            idle.remove(entry)
            close(entry, .shutdown)
        }
        advance()
    }

    // MARK: Watchers

    /// Resumes a call after the next change.
    mutating func watch(_ watcher: CheckedContinuation<Void, Never>) { watchers.append(watcher) }

    /// Resumes the watchers after a change.
    mutating func resumeWatchers() {
        guard !watchers.isEmpty else { return }
        effects.append(.resume { [watchers] in for watcher in watchers { watcher.resume() } })
        watchers = []
    }

    /// Removes the references between the entries.
    mutating func removeAll() {
        queue.removeAll()
        idle.removeAll()
        used.removeAll()
        retiring.removeAll()
    }

    // MARK: Steps

    private mutating func beginUse(_ entry: Entry) {
        entry.users += 1
        guard entry.phase == .idle else { return }
        idle.remove(entry)
        used.append(entry)
        entry.phase = .used
    }

    private mutating func becomeUnused(_ entry: Entry) {
        if entry.phase == .retiring {
            retiring.remove(entry)
            return close(entry, .evicted)
        }
        used.remove(entry)
        if state == .closed { return close(entry, .shutdown) }
        if !entry.line.isEmpty { return close(entry, .requested) }
        entry.phase = .idle
        idle.append(entry)
        if queue.count > 0 { advance() }
    }

    private mutating func close(_ entry: Entry, _ reason: SQLitePoolsEvent.CloseReason) {
        guard let pool = entry.pool else { preconditionFailure("An open entry has a pool.") }
        entry.phase = .closing
        closing += 1
        effects.append(.close(entry, pool, reason))
    }

    /// Serves the first caller of an entry without a pool. Without callers, removes the entry.
    private mutating func settle(_ entry: Entry) {
        guard let first = entry.line.first else {
            entries[entry.key] = nil
            return
        }
        if first.kind == .use {
            entry.phase = .queued
            queue.append(entry)
        } else {
            entry.line.removeFirst()
            entry.phase = .held
            held += 1
            _ = end(first, .success(()))
        }
    }

    /// Begins the uses of the callers at the front of the line.
    private mutating func admit(_ entry: Entry) {
        for waiter in entry.takeUsers() where end(waiter, .success(())) { entry.users += 1 }
    }

    private mutating func end(_ waiter: Waiter, _ outcome: Result<Void, any Error>) -> Bool {
        guard let resume = waiter.end(outcome) else { return false }
        waiting -= 1
        effects.append(.resume(resume))
        return true
    }

    /// Opens the pools of queued entries, and makes room for the others.
    private mutating func advance() {
        while rooms < maximum, let entry = queue.first {
            queue.remove(entry)
            entry.phase = .opening
            opening += 1
            effects.append(.open(entry))
        }
        while closing < queue.count, let entry = idle.first {
            idle.remove(entry)
            close(entry, .evicted)
        }
        let missing = max(0, queue.count - closing)
        while retiring.count < missing, let entry = used.first {
            used.remove(entry)
            retiring.append(entry)
            entry.phase = .retiring
        }
        while retiring.count > missing, let entry = retiring.last {
            retiring.remove(entry)
            used.append(entry)
            entry.phase = .used
            admit(entry)
        }
    }
}
