// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Session {
    /// Has SQLite ask this session what it may do.
    ///
    /// The context pointers are not retained: SQLite calls back only inside calls on this connection, and the session
    /// outlives those.
    func installCallbacks() {
        let session = unsafe Unmanaged.passUnretained(self).toOpaque()
        _ = unsafe sqlite3_busy_handler(
            handle,
            { context, calls in unsafe Session.at(context).waitForLock(calls: calls) ? 1 : 0 },
            session
        )
        unsafe sqlite3_progress_handler(
            handle,
            Int32(CallBudget.stepsPerCall),
            { context in unsafe Session.at(context).isToStop ? 1 : 0 },
            session
        )
        _ = unsafe sqlite3_commit_hook(
            handle,
            { context in unsafe Session.at(context).mayCommit ? 0 : 1 },
            session
        )
        _ = unsafe sqlite3_set_authorizer(
            handle,
            { context, action, first, second, database, _ in
                unsafe Session.at(context).authorize(
                    action,
                    first.map { unsafe String(cString: $0) },
                    hasArgument: second != nil,
                    isTemporary: database.map { unsafe strcmp($0, "temp") == 0 } ?? false
                )
            },
            session
        )
    }

    /// Whether the statement that runs is to stop. One that writes is not, where that would undo what others have written.
    private var isToStop: Bool {
        if budget.countSteps() { return true }
        guard let interruption, interruption.isRaised else { return false }
        return !(isShared && isWriting)
    }

    /// Whether a transaction may commit. Not one of a call that is stopped, whose caller has been told so. The commits of the
    /// pool's own transactions come after that.
    private var mayCommit: Bool { interruption?.beginCommit() ?? true }

    static func at(_ context: UnsafeMutableRawPointer?) -> Session {
        unsafe Unmanaged<Session>.fromOpaque(context!).takeUnretainedValue()
    }

    /// Waits a little for another process, longer each time up to 25 milliseconds.
    ///
    /// - Returns: Whether to try again.
    func waitForLock(calls: Int32) -> Bool {
        if calls == 0 { busySince = .now }
        let left = busyTimeout - (ContinuousClock.now - busySince)
        guard left > .zero, interruption?.isRaised != true else {
            if interruptsOnBusyTimeout { unsafe sqlite3_interrupt(handle) }
            return false
        }
        let pause = min(.milliseconds(Int(min(calls + 1, 25))), left)
        usleep(UInt32(pause / .microseconds(1)))
        return true
    }

    /// Notes what the statement does that is being prepared.
    private func authorize(_ action: Int32, _ name: String?, hasArgument: Bool, isTemporary: Bool) -> Int32 {
        switch action {
        case SQLITE_TRANSACTION:
            traits.insert(.controlsTransaction)
        case SQLITE_ATTACH, SQLITE_DETACH,
            SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_TEMP_INDEX, SQLITE_CREATE_TEMP_VIEW, SQLITE_CREATE_TEMP_TRIGGER:
            traits.insert(.changesConnection)
        case SQLITE_CREATE_VTABLE where isTemporary:
            traits.insert(.changesConnection)
        case SQLITE_PRAGMA:
            traits.insert(.isPragma)
            guard hasArgument, !Self.pragmasWithoutTrace.contains(name?.lowercased() ?? "") else { break }
            traits.insert(.changesConnection)
            if isDescribing { return SQLITE_DENY }
        default:
            break
        }
        return SQLITE_OK
    }

    /// Pragmas whose argument says what to look at or to do, or is stored in the file; any other argument is a setting of
    /// the connection.
    private static let pragmasWithoutTrace: Set<String> = [
        "application_id", "foreign_key_check", "foreign_key_list", "incremental_vacuum", "index_info", "index_list",
        "index_xinfo", "integrity_check", "optimize", "quick_check", "table_info", "table_list", "table_xinfo",
        "user_version", "wal_checkpoint",
    ]
}
