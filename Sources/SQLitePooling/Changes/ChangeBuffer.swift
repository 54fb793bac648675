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
    private let buffer = SubscriptionBuffer(Contents())

    private struct Contents: SubscriptionContents {
        var changes = ChangeSet()
        /// What the consumer reads; `nil` if that does not limit the changes.
        var region: QueryRegion?

        mutating func next() -> ChangeSet? {
            guard !changes.isEmpty else { return nil }
            defer { removeAll() }
            // The consumer is about to read with another schema.
            if changes.mayChangeSchema { region = nil }
            return changes
        }

        mutating func removeAll() { changes = ChangeSet() }
    }

    init(tables: Set<SQLiteChanges.Table>?, rowLimit: Int) {
        self.tables = tables
        self.rowLimit = max(0, rowLimit)
    }

    /// Adds the changes of a commit.
    func append(_ changes: ChangeSet) {
        buffer.update { contents in
            if let region = contents.region, !region.intersects(changes) { return }
            contents.changes.formUnion(changes.limited(to: tables), limit: rowLimit)
        }
    }

    /// Whether changes are not limited yet, or not any more, because the schema has changed.
    var needsRegion: Bool { buffer.withContents { $0.region == nil } }

    /// Limits further changes to those of a region. Changes that it does not contain are dropped.
    func limit(to region: QueryRegion) {
        buffer.withContents { contents in
            contents.region = region
            if !region.intersects(contents.changes) { contents.removeAll() }
        }
    }

    /// Ends the sequence after the changes that it has.
    ///
    /// - Parameter discarding: Whether these are discarded.
    func finish(discarding: Bool) { buffer.finish(discarding: discarding) }

    /// Whether there are changes that the consumer has not read.
    var hasChanges: Bool { buffer.withContents { !$0.changes.isEmpty } }

    /// Returns the changes since the last call; `nil` at the end, or if the task is cancelled.
    func next(isolation actor: isolated (any Actor)? = #isolation) async -> ChangeSet? {
        await buffer.next(isolation: actor)
    }
}
