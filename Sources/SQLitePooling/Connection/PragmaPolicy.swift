// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What the pool does about a pragma with an argument, or one that acts without.
enum PragmaPolicy {
    /// The argument says what to look at or to do, or is stored in the file.
    case kept
    /// A setting of the connection, which is set back after the call.
    case restored
    /// A setting that cannot be set back: the connection is replaced after the call.
    case replaced
    /// The pragma would break the pool, or has no effect. Why, and what to do.
    case refused(String)

    /// - Parameters:
    ///   - name: The pragma, in small letters.
    ///   - argument: What it is to be; empty if it has none.
    ///   - database: The name of the database that it is for; `nil` if it names none.
    ///   - countsMemory: Whether SQLite counts the memory that it uses.
    init(_ name: String, argument: String, database: String?, countsMemory: @autoclosure () -> Bool) {
        switch name {
        case "wal_checkpoint":
            self = .refused(
                "its checkpoint is not safe beside other processes: call checkpoint(_:timeout:) of the pool"
            )
        case "wal_autocheckpoint":
            self = .refused("the pool makes the checkpoints of its database")
        case "journal_mode" where database == nil || database == "main":
            switch argument.lowercased() {
            case "wal": self = .kept
            // For programs that hand the file on: the next connection makes a log again.
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
        "SQLite does not count memory in this process, so that the limit has no effect: call "
        + "SQLiteLibrary.keepMemoryStatistics() before the first pool opens a file"

    private static let keptNames: Set<String> = [
        "application_id", "foreign_key_check", "foreign_key_list", "incremental_vacuum", "index_info", "index_list",
        "index_xinfo", "integrity_check", "optimize", "quick_check", "table_info", "table_list", "table_xinfo",
        "user_version",
    ]

    /// Each of them answers its value when it has no argument.
    static let restoredNames: Set<String> = [
        "analysis_limit", "automatic_index", "busy_timeout", "cache_size", "cache_spill", "cell_size_check",
        "checkpoint_fullfsync", "defer_foreign_keys", "foreign_keys", "fullfsync", "ignore_check_constraints",
        "journal_size_limit", "legacy_alter_table", "max_page_count", "mmap_size", "query_only", "read_uncommitted",
        "recursive_triggers", "reverse_unordered_selects", "synchronous", "threads", "trusted_schema",
    ]
}

/// Why a statement that is being prepared is refused.
enum Refusal {
    /// The pragma would break the pool.
    case pragma(String, why: String)
    /// The savepoint is the pool's.
    case savepoint
    /// A setting is to be changed whose value is not known yet.
    case unknown(Setting)

    var unknownSetting: Setting? {
        if case .unknown(let setting) = self { setting } else { nil }
    }

    func error(sql: String) -> SQLiteError {
        switch self {
        case .pragma(let name, let why):
            SQLiteError(.refusedPragma, "PRAGMA \(name) is refused: \(why)", sql: sql)
        case .savepoint:
            SQLiteError(.transactionControl, "the savepoint lock_pool is the pool's: use savepoint", sql: sql)
        case .unknown(let setting):
            SQLiteError(.refusedPragma, "PRAGMA \(setting.name) is refused: its value is not known", sql: sql)
        }
    }
}
