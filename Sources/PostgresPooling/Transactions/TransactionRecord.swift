// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The transactions and savepoints that `withTransaction` has begun in the present lease.
struct TransactionRecord {
    /// What stands in the way of the next statement.
    enum Obstacle {
        /// A body has failed, and these statements undo what it did. They run before any other.
        case undo(String)

        /// A body has begun or ended a transaction by a statement of its own, whose command tag
        /// this is. The outermost body can only fail.
        case control(String)
    }

    /// The number of bodies of `withTransaction` that are under way, one within another.
    var depth = 0

    var obstacle: Obstacle?

    private var savepoints = 0

    /// The name of a savepoint. Each has its own, so that the server reports one that a body has
    /// released or rolled back.
    mutating func nextSavepoint() -> String {
        savepoints += 1
        return "lockpool_\(savepoints)"
    }

    /// Notes a statement of a body that has succeeded.
    ///
    /// - Parameters:
    ///   - commandTag: The server's name for what it has done.
    ///   - sql: The text, for the tag `ROLLBACK`, which is also that of `ROLLBACK TO`.
    mutating func note(commandTag: String, sql: String) {
        guard depth > 0, obstacle == nil else { return }
        switch commandTag {
        case "BEGIN", "START TRANSACTION", "COMMIT", "PREPARE TRANSACTION": obstacle = .control(commandTag)
        case "ROLLBACK" where TransactionScanner.mayEndTransaction(sql): obstacle = .control(commandTag)
        default: break
        }
    }
}
