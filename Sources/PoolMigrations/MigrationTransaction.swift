// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The transaction of a migration.
public enum MigrationTransaction: Hashable, Sendable {
    /// A transaction that contains the migration and its record: either both take effect, or
    /// neither does.
    ///
    /// A process that is killed leaves nothing of it.
    case own

    /// No transaction: each statement commits by itself.
    ///
    /// For statements that do not work in a transaction, such as `VACUUM` and
    /// `CREATE INDEX CONCURRENTLY`. The table of migrations records the beginning and the end. If
    /// the migration fails or its process ends, later calls throw ``MigrationError`` with the code
    /// `unfinished`, until the program or its operator has examined the database and marked the
    /// migration as applied or pending.
    case none
}
