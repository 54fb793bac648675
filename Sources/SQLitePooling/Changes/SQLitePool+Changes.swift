// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

extension SQLitePool {
    /// Subscribes to the committed changes of tables.
    ///
    /// ```swift
    /// for await batch in try await pool.changes(in: "user") { print(batch.tables) }
    /// ```
    ///
    /// Suspends until the writer is available. A later commit of the pool is in the sequence before
    /// its call returns, whatever has made it: statements, triggers, foreign keys, blobs, changed
    /// definitions, or ``restore(from:pagesPerStep:timeout:file:line:progress:)``. What is
    /// rolled back, also to a savepoint, is not.
    ///
    /// Rows are `all` where SQLite does not report their row IDs:
    /// - beyond `rowLimit` rows of a table;
    /// - in tables without row IDs, and in virtual tables;
    /// - after `DELETE` of all rows without a condition, and after an update of a primary key;
    /// - after a statement that may replace rows: its text, a constraint or a trigger of a table
    ///   that it writes has the word `REPLACE`;
    /// - after a change of the table's definition;
    /// - after changes by ``SQLiteConnection/withHandle(_:)`` and by other processes.
    ///
    /// Without subscribers, the writer does no work for this.
    ///
    /// - Parameters:
    ///   - tables: The tables; none for all tables but those that SQLite keeps for itself.
    ///     `sqlite_schema` stands for the definitions.
    ///   - rowLimit: The maximum number of row IDs of a table in a batch.
    ///   - pollInterval: How often the pool looks for changes by other processes and pools; `nil`,
    ///     the default, for never. It then holds the writer for some microseconds.
    ///   - timeout: The time limit of the call; `nil`, the default, for no limit once it has the
    ///     writer.
    ///   - file: The file of the call site, for leak reports.
    ///   - line: The line of the call site.
    /// - Returns: The sequence of changes.
    /// - Throws: As ``write(timeout:checkoutTimeout:file:line:_:)``. ``SQLiteError`` with the code
    ///   `error` if there is no such table, or it is a view, and `misuse` if the hook
    ///   `afterConnect` uses `withHandle`. With the code `readOnly` if the pool is read-only and
    ///   does not poll.
    public func changes(
        in tables: SQLiteChanges.Table...,
        rowLimit: Int = 1_000,
        pollInterval: Duration? = nil,
        timeout: Duration? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> SQLiteChanges {
        let buffer = ChangeBuffer(tables: tables.isEmpty ? nil : Set(tables), rowLimit: rowLimit)
        let caller = CallSite(file, line)
        return SQLiteChanges(try await subscribe(buffer, polling: pollInterval, timeout: timeout, for: caller))
    }

    /// Subscribes to changes. When it returns, the hooks are installed.
    func subscribe(
        _ buffer: ChangeBuffer,
        polling interval: Duration?,
        timeout: Duration?,
        for caller: CallSite
    ) async throws -> ChangeSubscription {
        if interval == nil { try checkMayWrite() }
        let subscription = ChangeSubscription(buffer, file.changes)
        let isPolling = interval != nil
        try await run(on: trackedPool, .none, until: Self.deadline(after: timeout), for: caller) { [file] db in
            try db.session.checkMayObserve(buffer.tables ?? [])
            if file.configuration.mode.mayWrite { try db.session.trackChanges(for: file.changes) }
            if isPolling { try db.session.beginPolling() }
            subscription.begin()
        }
        if let interval { subscription.poll(by: pollTask(every: interval)) }
        return subscription
    }

    /// The connections that look for changes: the writer, which SQLite does not report its own
    /// commits, or the readers of a pool that does not write.
    private var trackedPool: Call.Pool { configuration.mode.mayWrite ? writer : readers }

    private func pollTask(every interval: Duration) -> Task<Void, Never> {
        Task.detached { [weak self, file] in
            while true {
                do { try await file.sleep(interval) } catch { return }
                guard let self else { return }
                do {
                    try await run(on: trackedPool, .none, for: CallSite(#fileID, #line)) { db in
                        try db.session.publishChangesOfOthers(to: file.changes)
                    }
                } catch is CancellationError {
                    return
                } catch {
                    // The next round compares with the same versions.
                    if state == .closed { return }
                }
            }
        }
    }
}

extension Session {
    /// Throws if a table does not exist, or SQLite does not report its changes.
    fileprivate func checkMayObserve(_ tables: Set<SQLiteChanges.Table>) throws(SQLiteError) {
        guard !tables.isEmpty else { return }
        try refreshSchema()
        let databases = Set(try databaseNames().map(SQLiteChanges.Table.lowercased))
        for table in tables where !table.isSchema || !databases.contains(table.database) {
            guard databases.contains(SQLiteChanges.Table.lowercased(table.database)), !table.isInternal else {
                throw Self.noTable(table)
            }
            let statement = try prepareOne(
                "SELECT type FROM \(SQLiteQuery.quoted(table.database)).sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')"
            )
            defer { end(statement) }
            _ = try statement.bind([.text(table.name)])
            guard try step(statement) else { throw Self.noTable(table) }
            if unsafe SQLiteCell(0, of: statement).rawBytes.elementsEqual("view".utf8) {
                throw SQLiteError(.error, "\(table) is a view: observe the tables that it reads")
            }
        }
    }

    private static func noTable(_ table: SQLiteChanges.Table) -> SQLiteError {
        SQLiteError(.error, "no such table: \(table)")
    }

    // MARK: Changes by others

    /// Notes the versions with which the next poll compares.
    fileprivate func beginPolling() throws(SQLiteError) {
        if dataVersions == nil { dataVersions = try readDataVersions() }
    }

    /// Publishes a change of everything if other connections have committed since the last call.
    ///
    /// The versions of different connections cannot be compared. So a new connection publishes a
    /// change at its first call.
    fileprivate func publishChangesOfOthers(to hub: ChangeHub) throws(SQLiteError) {
        let versions = try readDataVersions()
        guard versions != dataVersions else { return }
        dataVersions = versions
        hub.publish(.everything)
    }

    private func readDataVersions() throws(SQLiteError) -> [String] {
        var versions: [String] = []
        for name in try databaseNames() where name != "temp" {
            versions.append(try pragma("\(SQLiteQuery.quoted(name)).data_version") ?? "")
        }
        return versions
    }
}
