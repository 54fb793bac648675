// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// Pools for many database files, such as one file for each tenant: a ``SQLitePool`` for each
/// key, which is open while it is used.
///
/// ```swift
/// let tenants = try SQLitePools(folder: "tenants")
/// try await tenants.withPool("acme") { pool in
///     try await pool.execute("INSERT INTO note (text) VALUES (\(text))")
/// }
/// ```
///
/// The first caller of a key opens its pool, and concurrent callers share the opening. At most
/// ``SQLitePoolsConfiguration/maximumOpenPools`` are open at a time. When another key needs the
/// room, the least recently used pool that is not in use is closed, with a checkpoint of its log.
/// Callers wait for room in FIFO order. A pool in use is not closed; if all pools are in use
/// without a pause, the one that has been so for the longest time serves no further callers until
/// it has been closed and opened again.
///
/// The connections of all pools share threads. A connection has one only while it works, and a
/// key without an open pool needs no memory.
public final class SQLitePools<Key: Hashable & Sendable>: Sendable {
    /// The configuration of the pools.
    public let configuration: SQLitePoolsConfiguration

    let table: Locked<PoolTable<Key>>
    let threads = SharedThreads()
    let location: @Sendable (Key) throws -> SQLiteConfiguration.Location
    let hooks: SQLiteHooks
    let observers: [any SQLitePoolsObserver]
    let statementObservers: [any StatementObserver]
    /// Sleeps by the clock of the timeouts.
    let sleep: @Sendable (Duration) async throws -> Void

    /// Creates pools. It accesses no file.
    ///
    /// - Parameters:
    ///   - configuration: The number of open pools, and the settings of each.
    ///   - hooks: Callbacks for the lifecycle events of connections, of all pools.
    ///   - observers: Receive the openings and closings of pools.
    ///   - statementObservers: Receive each statement of a call when it has ended.
    ///   - clock: Measures the timeouts of callers.
    ///   - location: Returns the file of a key. It may block, and throw an error for a key that
    ///     is not valid; all callers that wait for the key receive it. Check a key that comes
    ///     from a user, such as for “..” and “/”. A temporary database is an error, because
    ///     closing its pool would remove it.
    /// - Throws: ``SQLiteError`` with the code `invalidConfiguration` if a field of the
    ///   configuration is out of its range, or if the process may not have as many descriptors as
    ///   the pools need.
    public init(
        _ configuration: SQLitePoolsConfiguration = .init(),
        hooks: SQLiteHooks = .init(),
        observers: [any SQLitePoolsObserver] = [],
        statementObservers: [any StatementObserver] = [],
        clock: some Clock<Duration> = ContinuousClock(),
        location: @escaping @Sendable (Key) throws -> SQLiteConfiguration.Location
    ) throws(SQLiteError) {
        try configuration.validate()
        self.configuration = configuration
        self.hooks = hooks
        self.observers = observers
        self.statementObservers = statementObservers
        self.location = location
        table = Locked(PoolTable(maximum: configuration.maximumOpenPools))
        sleep = { try await clock.sleep(for: $0) }
    }

    deinit {
        // The pools close their connections when they are released.
        table.withLock { $0.removeAll() }
    }

    /// Calls `body` with the pool of a key, which stays open until `body` has ended.
    ///
    /// `body` runs in the caller's task, on its actor. Suspends only if the pool is not open, or
    /// if callers wait for it.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - timeout: The longest wait for the pool; by default the configuration's
    ///     ``SQLitePoolsConfiguration/checkoutTimeout``.
    ///   - body: Uses the pool. A call after the end of `body` may find the pool closed. A body
    ///     may use pools of other keys; it then waits for them without leaving its own.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. Without a pool: `CancellationError` if the task
    ///   was cancelled while it waited; the error of the closure `location`; ``SQLiteError`` if
    ///   the file cannot be opened, with the code `sharedFile` if the open pool of another key
    ///   has the same file; `PoolError` with the code `timedOut`, `tooManyWaiters`, `closed`, or
    ///   `deadlock` if the task has the file for itself in ``whileClosed(_:timeout:_:)``.
    /// - Complexity: O(1).
    @discardableResult
    public func withPool<Value>(
        _ key: Key,
        timeout: Duration? = nil,
        _ body: (SQLitePool) async throws -> sending Value
    ) async throws -> sending Value {
        let entry = try await begin(.use, key, timeout)
        // Written before the use began, and not changed before it ends.
        let pool = entry.pool!
        let held = HeldPools(entry)
        defer {
            held.end()
            endUse(of: entry)
        }
        // The value belongs to the body's region, which the signature of `withValue` does not
        // express.
        nonisolated(unsafe) let value = try await HeldPools.$current.withValue(held) { try await body(pool) }
        return unsafe value
    }

    // The two steps of a use of an open pool, specialized for the usual keys: the generic code is
    // in another module than the caller.

    @specialized(where Key == String)
    @specialized(where Key == Int)
    private func tryBeginUse(_ key: Key) -> PoolEntry<Key>? { table.withLock { $0.tryBeginUse(key) } }

    @specialized(where Key == String)
    @specialized(where Key == Int)
    private func endUse(of entry: PoolEntry<Key>) { update { $0.endUse(of: entry) } }

    // MARK: Waiting

    /// Begins a use or a hold. Suspends until then.
    func begin(_ kind: PoolWaiter<Key>.Kind, _ key: Key, _ timeout: Duration?) async throws -> PoolEntry<Key> {
        if kind == .use, let entry = tryBeginUse(key) { return entry }
        let waiter: PoolWaiter<Key>
        switch try beginWait(kind, key) {
        case .entry(let entry): return entry
        case .waiter(let new): waiter = new
        }
        let timeout = timeout ?? configuration.checkoutTimeout
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = table.withLock { _ in
                    waiter.wait(continuation) { startTimer(of: waiter, timeout) }
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            update { $0.fail(waiter, CancellationError()) }
        }
        try outcome.get()
        return waiter.entry
    }

    private enum Beginning {
        case entry(PoolEntry<Key>)
        case waiter(PoolWaiter<Key>)
    }

    /// Puts the caller into the line of a key.
    private func beginWait(_ kind: PoolWaiter<Key>.Kind, _ key: Key) throws -> Beginning {
        let uses = HeldPools.current
        return try update { table throws -> Beginning in
            guard table.state == .accepting else { throw closed }
            if let entry = table.entries[key], let uses, uses.contains(entry) {
                // Behind callers that wait for the end of the outer use, the task might wait for
                // itself.
                if kind == .use, table.tryBeginUse(again: entry) { return .entry(entry) }
                if uses.containsOwnUse(of: entry) {
                    throw error(
                        .deadlock,
                        "the task already uses the pool of the key “\(key)”, and would wait for itself"
                    )
                }
            }
            guard table.waiting < configuration.maximumWaiters else {
                throw error(.tooManyWaiters, "too many callers are waiting for a pool")
            }
            return .waiter(table.wait(for: key, kind))
        }
    }

    private func startTimer(of waiter: PoolWaiter<Key>, _ timeout: Duration) -> Task<Void, Never> {
        Task.detached { [weak self, sleep] in
            do { try await sleep(timeout) } catch { return }
            self?.expire(waiter, timeout)
        }
    }

    private func expire(_ waiter: PoolWaiter<Key>, _ timeout: Duration) {
        update { table in
            let cause =
                switch waiter.entry.phase {
                case .queued: "all \(table.maximum) pools that may be open are in use, or are being opened or closed"
                case .opening: "its file is being opened"
                case .closing: "its file is being closed"
                case .held: "a caller has its file for itself"
                case .closed, .idle, .used, .retiring: "other callers use it, and it is closed after them"
                }
            let detail = "the pool of the key “\(waiter.entry.key)” did not become available in time: \(cause)"
            table.fail(waiter, error(.timedOut, detail, waited: timeout))
        }
    }

    var closed: PoolError { error(.closed, "the pools are closed") }

    private func error(_ code: PoolError.Code, _ detail: String, waited: Duration = .zero) -> PoolError {
        PoolError(code, pool: configuration.name, detail: detail, waited: waited)
    }
}
