// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling
internal import Synchronization

extension SQLitePools {
    /// The numbers of pools and of callers, and the counts of uses, openings and closings. O(1).
    public var snapshot: SQLitePoolsSnapshot {
        let threads = threads.figures.all
        return table.withLock { table in
            SQLitePoolsSnapshot(
                maximum: table.maximum,
                open: table.open,
                inUse: table.used.count + table.retiring.count,
                opening: table.opening,
                closing: table.closing,
                queued: table.queue.count,
                waiting: table.waiting,
                threads: threads,
                counters: table.counters
            )
        }
    }

    /// Whether the pools accept callers. O(1).
    public var state: PoolState { table.withLock { $0.state } }

    /// Closes the pool of a key, when its users have ended. The next caller opens it again.
    ///
    /// Suspends until the files are closed, also those of a call that was stopped while its body
    /// continues. Callers that come later wait until then. To change or delete the file, use
    /// ``whileClosed(_:timeout:_:)``.
    ///
    /// - Parameters:
    ///   - key: The key. Without an open pool, nothing happens.
    ///   - timeout: The longest wait; by default the configuration's
    ///     ``SQLitePoolsConfiguration/checkoutTimeout``. If it ends while the pool is in use, the
    ///     pool stays open.
    /// - Throws: As ``whileClosed(_:timeout:_:)``.
    public func close(_ key: Key, timeout: Duration? = nil) async throws {
        try await whileClosed(key, timeout: timeout) {}
    }

    /// Calls `body` while the pool of a key is closed, such as to delete, replace or copy its
    /// file.
    ///
    /// Waits for the users of the pool, and for callers that came earlier. The pool is closed,
    /// with a checkpoint of its log. Callers that come later wait until `body` has ended.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - timeout: The longest wait for the closing; by default the configuration's
    ///     ``SQLitePoolsConfiguration/checkoutTimeout``.
    ///   - body: Has the file for itself, as far as this process uses it through these pools. A
    ///     deleted database has up to three files: `x`, `x-wal` and `x-shm`.
    /// - Returns: The result of `body`.
    /// - Throws: The error of `body`, unchanged. Before `body`: `CancellationError`, or
    ///   `PoolError` with the code `timedOut`, `tooManyWaiters`, `closed`, or `deadlock` if the
    ///   task uses the pool.
    @discardableResult
    public func whileClosed<Value>(
        _ key: Key,
        timeout: Duration? = nil,
        _ body: () async throws -> sending Value
    ) async throws -> sending Value {
        let entry = try await begin(.hold, key, timeout)
        let held = HeldPools(entry)
        defer {
            held.end()
            update { $0.endHold(of: entry) }
        }
        // The value belongs to the body's region, which the signature of `withValue` does not
        // express.
        nonisolated(unsafe) let value = try await HeldPools.$current.withValue(held) { try await body() }
        return unsafe value
    }

    /// Closes all pools: refuses callers, those that wait too, and closes the pools that are not
    /// in use. A pool in use is closed when its users have ended.
    ///
    /// Suspends until the pools that were not in use are closed. Safe to call repeatedly, and
    /// from several tasks at once.
    public func close() async {
        update { $0.close(failing: closed) }
        await wait { $0.opening == 0 && $0.closing == 0 }
    }

    /// Shuts the pools down in order: new callers are refused, and callers that use a pool or
    /// wait have time to end. Then all pools are closed.
    ///
    /// After `drain`, pools that are still in use refuse further calls, and close their
    /// connections when the running calls end. Returns when all pools are closed, or at the
    /// latest `drain` and the `closeTimeout` of the configuration's database later. Safe to call
    /// repeatedly. Ignores cancellation of the calling task.
    ///
    /// - Parameter drain: The time for callers; by default `drainTimeout` of the configuration's
    ///   database.
    public func shutdown(drain: Duration? = nil) async {
        update { if $0.state == .accepting { $0.state = .draining } }
        await wait(atMost: drain ?? configuration.database.pool.drainTimeout) { $0.isUnused }
        update { $0.close(failing: closed) }
        let used = table.withLock { table in table.entries.values.filter { $0.users > 0 }.compactMap(\.pool) }
        for pool in used { Task.detached { await pool.close() } }
        await wait(atMost: configuration.database.pool.closeTimeout) { $0.entries.isEmpty }
    }

    /// Suspends until the table fulfils a condition, or a time has passed.
    private func wait(atMost time: Duration, until condition: @escaping @Sendable (PoolTable<Key>) -> Bool) async {
        let isOver = Atomic(false)
        let timer = Task.detached { [self] in
            do { try await sleep(time) } catch { return }
            isOver.store(true, ordering: .sequentiallyConsistent)
            update { _ in }
        }
        await wait { isOver.load(ordering: .sequentiallyConsistent) || condition($0) }
        timer.cancel()
    }

    /// Suspends until the table fulfils a condition.
    private func wait(until condition: (PoolTable<Key>) -> Bool) async {
        var isFulfilled = false
        while !isFulfilled {
            await withCheckedContinuation { continuation in
                isFulfilled = table.withLock { table in
                    if condition(table) { return true }
                    table.watch(continuation)
                    return false
                }
                if isFulfilled { continuation.resume() }
            }
        }
    }
}
