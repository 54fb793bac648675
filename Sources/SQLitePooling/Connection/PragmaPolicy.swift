// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The pool's policy for a pragma with an argument, or one that acts without an argument.
enum PragmaPolicy {
    /// The argument of a query or an action, or a value that the file stores. Nothing to restore.
    case kept
    /// A setting of the connection, which is restored after the call.
    case restored
    /// A setting that cannot be restored: the connection is replaced after the call.
    case replaced
    /// The pragma would break the pool, or has no effect. The text is the reason and the advice.
    case refused(String)

    /// - Parameters:
    ///   - name: The pragma, in lowercase.
    ///   - argument: The argument; empty if there is none.
    ///   - database: The name of the database; `nil` if the statement names none.
    ///   - isInTransaction: Whether a transaction is open, of the pool or of the body.
    ///   - countsMemory: Whether SQLite counts the memory that it uses.
    init(
        _ name: String,
        argument: String,
        database: String?,
        isInTransaction: Bool,
        countsMemory: @autoclosure () -> Bool
    ) {
        switch name {
        case _ where isInTransaction && Self.namesIgnoredInTransactions.contains(name):
            self = .refused(
                "it has no effect within a transaction: use writeWithoutTransaction { db in try db.executeScript(…) }, "
                    + "and set it before BEGIN"
            )
        case "wal_checkpoint":
            self = .refused(
                "its checkpoint does not hold the pool's lock: use the pool's checkpoint(_:timeout:)"
            )
        case "wal_autocheckpoint":
            self = .refused("the pool makes the checkpoints of its database")
        case "journal_mode" where database == nil || database == "main":
            switch argument.lowercased() {
            case "wal": self = .kept
            // For programs that pass the file on. The next connection restores the write-ahead
            // log.
            case "delete": self = .replaced
            default: self = .refused("the pool needs the write-ahead log")
            }
        case "soft_heap_limit", "hard_heap_limit":
            self = countsMemory() ? .kept : .refused(Self.uncountedMemory)
        case _ where Self.restoredNames.contains(name):
            self = .restored
        case _ where Self.keptNames.contains(name):
            self = .kept
        default:
            self = .replaced
        }
    }

    static let uncountedMemory =
        "SQLite does not count memory in this process, so the limit would have no effect: call "
        + "SQLiteLibrary.keepMemoryStatistics() before the first pool opens a file"

    /// SQLite ignores these pragmas within a transaction, without an error. `fullfsync` and
    /// `checkpoint_fullfsync` change their value there, but not how the files are synchronized.
    private static let namesIgnoredInTransactions: Set<String> = ["checkpoint_fullfsync", "foreign_keys", "fullfsync"]

    private static let keptNames: Set<String> = [
        "application_id", "foreign_key_check", "foreign_key_list", "incremental_vacuum", "index_info", "index_list",
        "index_xinfo", "integrity_check", "optimize", "quick_check", "table_info", "table_list", "table_xinfo",
        "user_version",
    ]

    /// Each of these pragmas returns its value if it has no argument.
    static let restoredNames: Set<String> = [
        "analysis_limit", "automatic_index", "busy_timeout", "cache_size", "cache_spill", "cell_size_check",
        "checkpoint_fullfsync", "defer_foreign_keys", "foreign_keys", "fullfsync", "ignore_check_constraints",
        "journal_size_limit", "legacy_alter_table", "max_page_count", "mmap_size", "query_only", "read_uncommitted",
        "recursive_triggers", "reverse_unordered_selects", "synchronous", "threads", "trusted_schema",
    ]
}

/// The reason for which the preparation of a statement is refused.
enum Refusal {
    /// The pragma would break the pool.
    case pragma(String, why: String)
    /// The savepoint belongs to the pool.
    case savepoint
    /// The statement changes a setting whose value is not recorded yet.
    case unknown(Setting)

    var unknownSetting: Setting? {
        if case .unknown(let setting) = self { setting } else { nil }
    }

    func error(sql: String) -> SQLiteError {
        switch self {
        case .pragma(let name, let why):
            SQLiteError(.refusedPragma, "PRAGMA \(name) is refused: \(why)", sql: sql)
        case .savepoint:
            SQLiteError(.transactionControl, "the savepoint lock_pool belongs to the pool: use savepoint", sql: sql)
        case .unknown(let setting):
            SQLiteError(.refusedPragma, "PRAGMA \(setting.name) is refused: its value is not known", sql: sql)
        }
    }
}
