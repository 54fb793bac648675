// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

/// The SQLite that this process uses, with the settings that all its connections share.
///
/// They can only be made before SQLite is used for the first time. The first pool that opens a file makes them, once, and
/// leaves them as they are if somebody else in the process has used SQLite before.
public enum SQLiteLibrary {
    /// The version of SQLite that the process runs with, such as `3.40.1`.
    public static var version: String { unsafe String(cString: sqlite3_libversion()) }

    /// Has SQLite count the memory that it uses, for `sqlite3_status()`.
    ///
    /// It does so by a lock that every connection takes whenever it allocates. A pool therefore turns it off, unless this was
    /// called before the first one has opened a file.
    ///
    /// - Returns: Whether SQLite counts. `false` if it was in use already.
    @discardableResult
    public static func keepMemoryStatistics() -> Bool {
        state.withLock { state in
            if !state.isSettled { state.keepsStatistics = true }
            state.settle()
            return state.keepsStatistics
        }
    }

    /// Makes the settings, if nobody has, and looks whether several threads can use SQLite.
    static func prepare() throws(SQLiteError) {
        let isThreadSafe = state.withLock { state in
            state.settle()
            return state.isThreadSafe
        }
        guard isThreadSafe else {
            throw SQLiteError(.misuse, "this SQLite was built or set up for a single thread")
        }
    }

    private struct State {
        var isSettled = false
        var keepsStatistics = false
        var isThreadSafe = false

        mutating func settle() {
            guard !isSettled else { return }
            isSettled = true
            // Reads files of the system, once, and not on a connection's thread in the middle of its work.
            _ = UsableProcessors.ofThisProcess
            // Fails when SQLite is in use, and then it stays as it is. Others that use SQLite for the first time at this very
            // moment may have their first allocations counted or not, which the figures alone would show.
            let code = clockpool_sqlite_set_memory_statistics(keepsStatistics ? 1 : 0)
            if code != SQLITE_OK { keepsStatistics = false }
            _ = sqlite3_initialize()
            // The threading mode stays what it is, because others may rely on it: each connection is opened without a lock of
            // its own. SQLite has no locks at all where it was told that there is one thread.
            let mutex = unsafe sqlite3_mutex_alloc(SQLITE_MUTEX_FAST)
            isThreadSafe = unsafe sqlite3_threadsafe() != 0 && mutex != nil
            unsafe sqlite3_mutex_free(mutex)
        }
    }

    private static let state = Locked(State())
}
