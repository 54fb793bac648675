// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The changes that the consumer of one subscription has not read yet, merged into one set.
final class ChangeBuffer: Sendable {
    /// The observed tables; `nil` for all.
    let tables: Set<SQLiteChanges.Table>?
    /// The maximum number of row IDs of a table.
    let rowLimit: Int
    private let state = Locked(State())

    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<ChangeSet?, Never>
    }

    private struct State {
        var changes = ChangeSet()
        /// What the consumer reads; `nil` if that does not limit the changes.
        var region: QueryRegion?
        var waiters: [Waiter] = []
        var lastWaiter: UInt64 = 0
        var isFinished = false

        mutating func takeChanges() -> ChangeSet? {
            guard !changes.isEmpty else { return nil }
            defer { changes = ChangeSet() }
            // The consumer is about to read with another schema.
            if changes.mayChangeSchema { region = nil }
            return changes
        }
    }

    init(tables: Set<SQLiteChanges.Table>?, rowLimit: Int) {
        self.tables = tables
        self.rowLimit = max(0, rowLimit)
    }

    /// Adds the changes of a commit.
    func append(_ changes: ChangeSet) {
        let served: (Waiter, ChangeSet)? = state.withLock { state in
            if state.isFinished { return nil }
            if let region = state.region, !region.intersects(changes) { return nil }
            let selected = changes.limited(to: tables)
            if selected.isEmpty { return nil }
            state.changes.formUnion(selected, limit: rowLimit)
            guard !state.waiters.isEmpty, let changes = state.takeChanges() else { return nil }
            return (state.waiters.removeFirst(), changes)
        }
        if let (waiter, changes) = served { waiter.continuation.resume(returning: changes) }
    }

    /// Whether changes are not limited yet, or not any more, because the schema has changed.
    var needsRegion: Bool { state.withLock { $0.region == nil } }

    /// Limits further changes to those of a region. Changes that it does not contain are dropped.
    func limit(to region: QueryRegion) {
        state.withLock { state in
            state.region = region
            if !region.intersects(state.changes) { state.changes = ChangeSet() }
        }
    }

    /// Ends the sequence after the changes that it has.
    ///
    /// - Parameter discarding: Whether these are discarded.
    func finish(discarding: Bool) {
        let waiters = state.withLock { state in
            state.isFinished = true
            if discarding { state.changes = ChangeSet() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// Whether there are changes that the consumer has not read.
    var hasChanges: Bool { state.withLock { !$0.changes.isEmpty } }

    /// Whether no changes follow.
    var isFinished: Bool { state.withLock(\.isFinished) }

    /// Returns the changes since the last call; `nil` at the end, or if the task is cancelled.
    func next(isolation actor: isolated (any Actor)? = #isolation) async -> ChangeSet? {
        if Task.isCancelled { return nil }
        let id: UInt64 = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { wait($0, id) }
        } onCancel: {
            cancel(id)
        }
    }

    private func wait(_ continuation: CheckedContinuation<ChangeSet?, Never>, _ id: UInt64) {
        enum Answer { case now(ChangeSet?), later }
        let answer: Answer = state.withLock { state in
            // A cancellation before this sees no waiter, but is seen here.
            if Task.isCancelled { return .now(nil) }
            if let changes = state.takeChanges() { return .now(changes) }
            if state.isFinished { return .now(nil) }
            state.waiters.append(Waiter(id: id, continuation: continuation))
            return .later
        }
        if case .now(let changes) = answer { continuation.resume(returning: changes) }
    }

    private func cancel(_ id: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: nil)
    }
}
