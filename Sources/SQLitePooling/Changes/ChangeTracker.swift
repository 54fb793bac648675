// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

/// Collects the changes of a writer's transactions while changes have subscribers, and publishes
/// those that are committed. Used only on the thread of its connection.
///
/// SQLite's update hook reports inserted, updated and deleted rows. It does not report tables
/// without row IDs, virtual tables, `DELETE` of all rows, which truncates the table, rows that
/// `REPLACE` deletes, the old row IDs of updated keys, and changes of definitions. For these, the
/// authorizer has reported the tables that the statement writes, and the number of rows that
/// SQLite counts differs from that of the reported ones.
final class ChangeTracker {
    typealias Table = SQLiteChanges.Table

    private let hub: ChangeHub
    /// The maximum number of row IDs of a table.
    private var rowLimit: Int { hub.rowLimit }

    /// The changes of the open transaction: of the transaction itself, and of each savepoint.
    private var frames: [(savepoint: String?, changes: ChangeSet)] = [(nil, ChangeSet())]
    /// The rows that the running statement has changed.
    private var reported: [ReportedTable] = []
    /// Whether SQLite has begun a commit whose outcome is not known yet.
    private(set) var isCommitting = false

    /// The rows that the update hook has reported of one table.
    @safe
    private struct ReportedTable {
        // Valid until the statement ends, so that each row costs two comparisons of pointers.
        let database: UnsafePointer<CChar>
        let name: UnsafePointer<CChar>
        let table: Table
        var entry = ChangeSet.Entry()
        var count = 0
        /// Whether rows were inserted or deleted.
        var hasOtherRows = false
    }

    init(_ hub: ChangeHub) { self.hub = hub }

    /// Whether changes have subscribers.
    var isNeeded: Bool { hub.isActive }

    // MARK: Statements

    /// Begins a step of a statement.
    func beginStep() { reported.removeAll(keepingCapacity: true) }

    /// Notes a row that the running statement has changed.
    func note(_ operation: Int32, _ database: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, _ row: Int64) {
        var index = 0
        while index < reported.count {
            if unsafe reported[index].name == name, unsafe reported[index].database == database { break }
            index += 1
        }
        if index == reported.count {
            let table = unsafe Table(String(cString: name), in: String(cString: database))
            reported.append(unsafe ReportedTable(database: database, name: name, table: table))
        }
        reported[index].count += 1
        if operation != SQLITE_UPDATE { reported[index].hasOtherRows = true }
        reported[index].entry.insert(row, limit: rowLimit)
    }

    /// Ends a step of a statement.
    ///
    /// - Parameters:
    ///   - access: What the statement writes; `nil` if that is not known.
    ///   - count: The number of changed rows that SQLite has counted during the step.
    ///   - hasFailed: Whether the step has failed. SQLite counts no rows of a statement that it
    ///     has undone.
    func endStep(_ access: StatementAccess?, count: Int, hasFailed: Bool) {
        defer { reported.removeAll(keepingCapacity: true) }
        if hasFailed, count == 0 { return }
        var total = 0
        for one in reported {
            total += one.count
            var entry = one.entry
            entry.columns = one.hasOtherRows ? nil : access?.writes[one.table]?.columns
            note(entry, of: one.table)
        }
        guard let access else { return note(.everything) }
        for table in access.definitions { note(.any, of: table) }
        let isIncomplete = total != count
        for (table, write) in access.writes {
            if table.isSchema || (count > 0 && (access.mayReplace || write.updatesKey)) {
                note(.any, of: table)
            } else if isIncomplete, write.deletes || !reported.contains(where: { $0.table == table }) {
                note(
                    ChangeSet.Entry(rows: nil, columns: write.inserts || write.deletes ? nil : write.columns),
                    of: table
                )
            }
        }
    }

    /// Notes a change without a statement.
    func note(_ entry: ChangeSet.Entry, of table: Table) {
        frames[frames.count - 1].changes.note(entry, of: table, limit: rowLimit)
    }

    /// Notes changes without a statement.
    func note(_ changes: ChangeSet) { frames[frames.count - 1].changes.formUnion(changes, limit: rowLimit) }

    // MARK: Transactions

    func beginSavepoint(_ name: String) { frames.append((name, ChangeSet())) }

    /// Adds the changes since a savepoint to the transaction.
    func releaseSavepoint(_ name: String) {
        guard let index = frames.lastIndex(where: { $0.savepoint == name }) else { return }
        let released = frames[index...]
        frames.removeLast(frames.count - index)
        for frame in released { note(frame.changes) }
    }

    /// Drops the changes since a savepoint, which stays.
    func rollBack(to name: String) {
        guard let index = frames.lastIndex(where: { $0.savepoint == name }) else { return }
        frames.removeLast(frames.count - index - 1)
        frames[index].changes = ChangeSet()
    }

    func apply(_ savepoint: StatementAccess.Savepoint) {
        switch savepoint.operation {
        case .begin: beginSavepoint(savepoint.name)
        case .release: releaseSavepoint(savepoint.name)
        case .rollBack: rollBack(to: savepoint.name)
        }
    }

    func beginCommit() { isCommitting = true }

    /// Drops the changes of a transaction that SQLite has rolled back.
    func noteRollback() {
        isCommitting = false
        reported.removeAll(keepingCapacity: true)
        frames = [(nil, ChangeSet())]
    }

    /// Publishes the changes of a transaction that has been committed since the last call.
    ///
    /// Called when SQLite has returned, so that the outcome of a commit is known: a commit that
    /// fails leaves the transaction open, or rolls it back.
    ///
    /// - Parameters:
    ///   - isAutocommitting: Whether no explicit transaction is open.
    ///   - isWriting: Whether a write transaction is open.
    func settle(isAutocommitting: Bool, isWriting: @autoclosure () -> Bool) {
        guard isAutocommitting else {
            isCommitting = false
            return
        }
        guard isCommitting || !isWriting() else { return }
        if isCommitting {
            var changes = frames[0].changes
            for frame in frames.dropFirst() { changes.formUnion(frame.changes, limit: rowLimit) }
            if !changes.isEmpty { hub.publish(changes) }
        }
        isCommitting = false
        frames = [(nil, ChangeSet())]
    }

    /// Publishes changes that are committed already.
    func publish(_ changes: ChangeSet) { hub.publish(changes) }
}
