// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The migrations of a program, in order.
struct MigrationList<Content: Sendable>: Sendable {
    struct Entry: Sendable {
        let name: String
        /// What identifies the content; `nil` if it is not checked.
        let checksum: String?
        let transaction: MigrationTransaction
        let content: Content

        /// Whether the content is known to differ from the one that was applied.
        func differs(from record: MigrationRecord) -> Bool {
            guard let checksum, let applied = record.checksum else { return false }
            return checksum != applied
        }
    }

    var entries: [Entry] = []
    var policy = MigrationPolicy()

    /// Checks the names.
    func validate() throws(MigrationError) {
        var names: Set<String> = []
        for entry in entries {
            let isControl = entry.name.unicodeScalars.contains { $0.properties.generalCategory == .control }
            guard !entry.name.isEmpty, entry.name.utf8.count <= 255, !isControl else {
                throw MigrationError(
                    .invalidName,
                    "a name has 1 to 255 bytes and no control character",
                    migration: entry.name
                )
            }
            guard names.insert(entry.name).inserted else {
                throw MigrationError(.duplicateName, "two migrations have this name", migration: entry.name)
            }
        }
    }

    /// Returns the migrations that are not applied, in order.
    ///
    /// - Parameter records: The contents of the database's table.
    /// - Throws: `MigrationError` if the table does not fit the program. An unfinished migration
    ///   is the first element instead, because it may be running.
    func pending(after records: [MigrationRecord]) throws(MigrationError) -> [PendingMigration<Content>] {
        try validate()
        let recorded = Dictionary(records.map { ($0.name, $0) }) { first, _ in first }
        if let record = records.first(where: { !$0.isFinished }) {
            guard let entry = entries.first(where: { $0.name == record.name }) else { throw unfinished(record) }
            return [PendingMigration(entry: entry, unfinished: record)]
        }
        let names = Set(entries.map(\.name))
        if !policy.allowsUnknown, let record = records.first(where: { !names.contains($0.name) }) {
            throw MigrationError(
                .unknown,
                "the database has this migration, and the program does not: it is older than the database, or the migration was renamed",
                migration: record.name
            )
        }
        for entry in entries {
            guard let record = recorded[entry.name], entry.differs(from: record) else { continue }
            throw MigrationError(
                .changed,
                "it was changed after it was applied: restore it, and add the change as another migration",
                migration: entry.name
            )
        }
        let pending = entries.filter { recorded[$0.name] == nil }
        if !policy.allowsOutOfOrder, let first = pending.first,
            let later = entries.drop(while: { $0.name != first.name }).first(where: { recorded[$0.name] != nil })
        {
            throw MigrationError(
                .outOfOrder,
                "it is not applied, and the later migration \(later.name) is: move it to the end",
                migration: first.name
            )
        }
        return pending.map { PendingMigration(entry: $0, unfinished: nil) }
    }

    /// Returns the migrations that can be applied now, in order.
    ///
    /// - Throws: As ``pending(after:)``; also for an unfinished migration, which is not running.
    func applicable(after records: [MigrationRecord]) throws(MigrationError) -> [PendingMigration<Content>] {
        let pending = try pending(after: records)
        if let record = pending.first?.unfinished { throw unfinished(record) }
        return pending
    }

    /// Returns the state of each migration: those of the program in its order, then the others.
    func statuses(_ records: [MigrationRecord]) throws(MigrationError) -> [MigrationStatus] {
        try validate()
        let recorded = Dictionary(records.map { ($0.name, $0) }) { first, _ in first }
        let names = Set(entries.map(\.name))
        let known = entries.map { entry in
            guard let record = recorded[entry.name] else {
                return MigrationStatus(name: entry.name, state: .pending, appliedAt: nil, duration: nil, failure: nil)
            }
            return record.status(entry.differs(from: record) ? .changed : .applied)
        }
        return known + records.filter { !names.contains($0.name) }.map { $0.status(.unknown) }
    }

    func entry(_ name: String) throws(MigrationError) -> Entry {
        try validate()
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw MigrationError(.unknown, "the program has no such migration", migration: name)
        }
        return entry
    }
}

/// Which differences between a program and a database are allowed.
struct MigrationPolicy: Sendable {
    var allowsUnknown = false
    var allowsOutOfOrder = false
}

/// A migration that is not applied.
struct PendingMigration<Content: Sendable>: Sendable {
    let entry: MigrationList<Content>.Entry
    /// Its record, if it has begun without a transaction.
    let unfinished: MigrationRecord?

    var name: String { entry.name }
}

/// A row of the table of migrations.
struct MigrationRecord: Sendable {
    let name: String
    let checksum: String?
    let beganAt: Date
    /// `nil` for a migration without a transaction that has begun and not ended.
    let finishedAt: Date?
    let failure: String?

    var isFinished: Bool { finishedAt != nil }

    func status(_ state: MigrationStatus.State) -> MigrationStatus {
        MigrationStatus(
            name: name,
            state: isFinished ? state : .unfinished,
            appliedAt: finishedAt,
            duration: finishedAt.map { .seconds($0.timeIntervalSince(beganAt)) },
            failure: failure
        )
    }
}

func unfinished(_ record: MigrationRecord) -> MigrationError {
    MigrationError(
        .unfinished,
        "it began without a transaction and did not end\(record.failure.map { " (\($0))" } ?? ""): find out which of its "
            + "statements took effect, and mark it as applied or as pending",
        migration: record.name
    )
}
