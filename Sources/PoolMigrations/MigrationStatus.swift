// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The state of one migration in a database.
public struct MigrationStatus: Hashable, Sendable {
    /// The states of a migration.
    public enum State: Hashable, Sendable {
        /// Not applied.
        case pending
        /// Applied, with the text or version that the program has.
        case applied
        /// Applied, with another text or version.
        case changed
        /// Begun without a transaction, and not ended: it runs, or it failed, or its process has
        /// ended.
        case unfinished
        /// In the database, and not in the program.
        case unknown
    }

    /// The states that ``SQLiteMigrations/mark(_:as:in:timeout:)`` and
    /// ``PostgresMigrations/mark(_:as:in:timeout:)`` record.
    public enum Mark: Hashable, Sendable {
        /// The migration counts as applied, with the text or version that the program has.
        case applied
        /// The migration counts as not applied.
        case pending
    }

    /// The name of the migration.
    public let name: String

    /// The state.
    public let state: State

    /// When the migration ended, by the database's clock; `nil` if it is not applied.
    public let appliedAt: Date?

    /// How long the migration took; `nil` if it is not applied.
    public let duration: Duration?

    /// A description of the error with which a migration without a transaction failed, if it could
    /// be recorded.
    public let failure: String?
}
