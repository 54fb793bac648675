// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling

/// The SQLite library of this process, and the settings that all its connections share.
///
/// These settings can only be made before SQLite is initialized. The first pool that opens a file
/// makes them, once. If other code of the process has used SQLite before, they stay as they are.
public enum SQLiteLibrary {
    /// The version of the SQLite library, such as `3.40.1`.
    public static var version: String { unsafe String(cString: sqlite3_libversion()) }

    /// Keeps SQLite's memory statistics, for `sqlite3_status()`.
    ///
    /// SQLite counts its memory under a lock that every connection takes for each allocation. The
    /// first pool that opens a file therefore turns the statistics off, unless this function was
    /// called before.
    ///
    /// - Returns: Whether SQLite counts its memory; `false` if it was initialized already.
    @discardableResult
    public static func keepMemoryStatistics() -> Bool {
        state.withLock { state in
            if !state.isSettled { state.keepsStatistics = true }
            state.settle()
            return state.keepsStatistics
        }
    }

    /// Makes the settings once, and checks that several threads can use SQLite.
    static func prepare() throws(SQLiteError) {
        let isThreadSafe = state.withLock { state in
            state.settle()
            return state.isThreadSafe
        }
        guard isThreadSafe else {
            throw SQLiteError(.misuse, "this SQLite was built or configured for a single thread")
        }
    }

    private struct State {
        var isSettled = false
        var keepsStatistics = false
        var isThreadSafe = false

        mutating func settle() {
            guard !isSettled else { return }
            isSettled = true
            // Reads system files, once; here, so that no connection's thread does it during its
            // work.
            _ = UsableProcessors.ofThisProcess
            // Fails if SQLite is initialized; the setting then stays. If other code initializes
            // SQLite concurrently, its first allocations may or may not be counted, which affects
            // only the statistics.
            let code = clockpool_sqlite_set_memory_statistics(keepsStatistics ? 1 : 0)
            if code != SQLITE_OK { keepsStatistics = false }
            _ = sqlite3_initialize()
            // The threading mode stays, because other code may rely on it; each connection is
            // opened without a mutex. SQLite has no mutexes at all in single-thread mode.
            let mutex = unsafe sqlite3_mutex_alloc(SQLITE_MUTEX_FAST)
            isThreadSafe = unsafe sqlite3_threadsafe() != 0 && mutex != nil
            unsafe sqlite3_mutex_free(mutex)
        }
    }

    private static let state = Locked(State())
}
