// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolThread
internal import ConnectionPooling

extension SQLitePools {
    /// Changes the table, and then performs the effects.
    @discardableResult
    func update<Value: Sendable>(_ body: (inout PoolTable<Key>) throws -> Value) rethrows -> Value {
        let (value, effects) = try table.withLock { table in
            let value = try body(&table)
            table.resumeWatchers()
            if table.effects.isEmpty { return (value, nil as [PoolTable<Key>.Effect]?) }
            defer { table.effects = [] }
            return (value, table.effects)
        }
        if let effects { perform(effects) }
        return value
    }

    private func perform(_ effects: [PoolTable<Key>.Effect]) {
        for effect in effects {
            switch effect {
            case .resume(let resume): resume()
            // In tasks of their own: a caller that leaves ends neither.
            case .open(let entry): Task.detached { await self.open(entry) }
            case .close(let entry, let pool, let reason): Task.detached { await self.close(entry, pool, reason) }
            }
        }
    }

    private func open(_ entry: PoolEntry<Key>) async {
        let began = lockpool_instant()
        var opened: SQLitePool?
        do {
            let pool = try await threads.run { try self.makePool(for: entry) }
            opened = pool
            try await pool.openFirstConnection()
            if table.withLock({ _ in entry.file == nil }) {
                try await threads.run { try self.claimFile(of: pool, for: entry) }
            }
            notify(.opened(key: "\(entry.key)", duration: duration(since: began)))
            update { $0.didOpen(entry, pool) }
        } catch {
            await opened?.closeFiles()
            notify(.openFailed(key: "\(entry.key)", error: error))
            update { $0.didFail(entry, error) }
        }
    }

    private func close(_ entry: PoolEntry<Key>, _ pool: SQLitePool, _ reason: SQLitePoolsEvent.CloseReason) async {
        let began = lockpool_instant()
        await pool.closeFiles()
        notify(.closed(key: "\(entry.key)", reason: reason, duration: duration(since: began)))
        update { $0.didClose(entry) }
    }

    /// Creates the pool of a key. Blocks.
    private func makePool(for entry: PoolEntry<Key>) throws -> SQLitePool {
        let settings = configuration.database(named: "\(entry.key)", at: try location(entry.key))
        let file = try SQLiteLocation(settings.location, mode: settings.mode)
        guard file.temporary == nil else {
            throw SQLiteError(
                .invalidConfiguration,
                "path of the key “\(entry.key)” is a temporary database, which would be removed when its pool is closed"
            )
        }
        let pool = try SQLitePool(
            at: file,
            settings,
            [],
            hooks: hooks,
            statementObservers: statementObservers,
            threads: threads
        )
        try claimFile(of: pool, for: entry)
        return pool
    }

    /// Notes the file of a pool, if it exists. Blocks.
    private func claimFile(of pool: SQLitePool, for entry: PoolEntry<Key>) throws {
        guard let file = FileIdentity(pool.file.location.filePath),
            let owner = table.withLock({ $0.claim(file, for: entry) })
        else { return }
        throw SQLiteError(
            .sharedFile,
            "the keys “\(owner)” and “\(entry.key)” have the same file, \(pool.path): a file must have one key"
        )
    }

    private func notify(_ event: @autoclosure () -> SQLitePoolsEvent) {
        guard !observers.isEmpty else { return }
        let event = event()
        for observer in observers { observer.observe(event, in: configuration.name) }
    }

    private func duration(since instant: UInt64) -> Duration {
        .nanoseconds(Int64(clamping: lockpool_instant() &- instant))
    }
}

extension SQLitePool {
    /// Opens the first connection: the writer, or a reader of a pool that does not write.
    ///
    /// - Throws: The error of opening the file.
    fileprivate func openFirstConnection() async throws {
        let pool = configuration.mode.mayWrite ? writer : readers
        do throws(PoolError) {
            // An attempt ends after the connect timeout. A longer time than that of the callers
            // would keep a cancelled timer in memory.
            try await pool.prewarm(timeout: configuration.pool.connectTimeout + configuration.pool.checkoutTimeout)
        } catch {
            throw error.cause
        }
    }

    /// Closes the pool, and suspends until all its files are closed: also those of a call that
    /// was stopped and whose body still runs.
    fileprivate func closeFiles() async {
        await readers.closeAll()
        // The last connection copies the log into the database file, as in `close()`.
        await writer.closeAll()
        await readerCounter.waitUntilClosed()
        await writerCounter.waitUntilClosed()
    }
}
