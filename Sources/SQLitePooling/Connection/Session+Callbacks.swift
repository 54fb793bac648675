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
    /// Installs the callbacks of SQLite.
    ///
    /// The context pointers are not retained: SQLite calls back only within calls on this
    /// connection, and the session outlives those calls.
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
            { context in unsafe Session.at(context).mustStop ? 1 : 0 },
            session
        )
        installCommitHook()
        installChangeHooks()
        _ = unsafe sqlite3_set_authorizer(
            handle,
            { context, action, first, second, database, _ in
                unsafe Session.at(context).authorize(action, first, second, database)
            },
            session
        )
    }

    /// Installs the hook of commits for a session that tracks no changes.
    func installCommitHook() {
        _ = unsafe sqlite3_commit_hook(
            handle,
            { context in unsafe Session.at(context).mayCommit ? 0 : 1 },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    /// Whether the running statement must stop. A writing statement continues if a stop would undo
    /// the writes of other calls.
    private var mustStop: Bool {
        if budget.countSteps() { return true }
        guard let interruption, interruption.isRaised else { return false }
        return !(isShared && (isWriting || isHandleLent))
    }

    /// Whether a transaction may commit: not if the call is stopped, because its caller has
    /// already been resumed. The pool commits its own transactions after the interruption has
    /// ended.
    var mayCommit: Bool { interruption?.beginCommit() ?? true }

    static func at(_ context: UnsafeMutableRawPointer?) -> Session {
        unsafe Unmanaged<Session>.fromOpaque(context!).takeUnretainedValue()
    }

    /// Waits for a lock of another process, longer each time up to 25 milliseconds.
    ///
    /// - Returns: Whether SQLite must try again.
    func waitForLock(calls: Int32) -> Bool {
        if calls == 0 { busySince = .now }
        if pauseForLock(since: busySince, attempts: calls) { return true }
        guard let database = endsCheckpointOnBusyTimeout else { return false }
        // Without the snapshot, SQLite must not continue.
        guard openCheckpointLock?.beginSnapshot(of: database) == true else {
            usleep(1_000)
            return true
        }
        unsafe sqlite3_interrupt(handle)
        return false
    }

    /// Pauses before another attempt to lock.
    ///
    /// - Parameters:
    ///   - start: The instant of the first attempt.
    ///   - attempts: The number of pauses so far.
    /// - Returns: Whether to try again; `false` if the busy timeout has passed or the call is
    ///   stopped.
    func pauseForLock(since start: ContinuousClock.Instant, attempts: Int32) -> Bool {
        let left = busyTimeout - (ContinuousClock.now - start)
        guard left > .zero, interruption?.isRaised != true else { return false }
        usleep(UInt32(min(.milliseconds(Int(min(attempts + 1, 25))), left) / .microseconds(1)))
        return true
    }

    /// Records the traits of the statement that is being prepared, and denies actions that would
    /// break the pool.
    ///
    /// - Parameters:
    ///   - action: The action that SQLite asks about.
    ///   - first: The name of a pragma, or the operation on a savepoint.
    ///   - second: The argument of a pragma, or the name of a savepoint.
    ///   - database: The name of the database; for a pragma, only if the statement names one.
    /// - Returns: SQLite's code.
    private func authorize(
        _ action: Int32,
        _ first: UnsafePointer<CChar>?,
        _ second: UnsafePointer<CChar>?,
        _ database: UnsafePointer<CChar>?
    ) -> Int32 {
        if access != nil { unsafe access?.note(action, first, second, database) }
        switch action {
        case SQLITE_TRANSACTION:
            traits.insert(.controlsTransaction)
            if isHandleLent, isInTransaction || savepoints > 0, !isPrivileged { return SQLITE_DENY }
        case SQLITE_SAVEPOINT:
            traits.insert(.controlsSavepoint)
            guard !isPrivileged, let name = unsafe second, unsafe strcasecmp(name, "lock_pool") == 0 else { break }
            refusal = .savepoint
            return SQLITE_DENY
        case SQLITE_ATTACH:
            traits.formUnion([.changesConnection, .changesDatabases])
            if isHandleLent { isAltered = true }
        case SQLITE_DETACH,
            SQLITE_CREATE_TEMP_TABLE, SQLITE_CREATE_TEMP_INDEX, SQLITE_CREATE_TEMP_VIEW, SQLITE_CREATE_TEMP_TRIGGER:
            traits.insert(.changesConnection)
            if isHandleLent { isAltered = true }
        case SQLITE_CREATE_VTABLE where unsafe database.map { unsafe strcmp($0, "temp") == 0 } ?? false:
            traits.insert(.changesConnection)
            if isHandleLent { isAltered = true }
        case SQLITE_PRAGMA:
            traits.insert(.isPragma)
            guard !isPrivileged, let name = unsafe first.map({ unsafe String(cString: $0).lowercased() }) else { break }
            guard unsafe second != nil || name == "wal_checkpoint" else { break }
            return unsafe authorizePragma(
                name,
                second.map { unsafe String(cString: $0) } ?? "",
                database.map { unsafe String(cString: $0) }
            )
        default:
            break
        }
        return SQLITE_OK
    }

    private func authorizePragma(_ name: String, _ argument: String, _ database: String?) -> Int32 {
        let policy = PragmaPolicy(
            name,
            argument: argument,
            database: database?.lowercased(),
            isInTransaction: !isAutocommitting,
            countsMemory: sqlite3_memory_used() > 0
        )
        if case .kept = policy { return SQLITE_OK }
        if isDescribing {
            traits.insert(.changesConnection)
            return SQLITE_DENY
        }
        switch policy {
        case .kept:
            break
        case .replaced where isHandleLent, .restored where isHandleLent:
            isAltered = true
        case .refused(let why):
            refusal = .pragma(name, why: why)
            return SQLITE_DENY
        case .replaced:
            traits.insert(.changesConnection)
            if name == "writable_schema" { traits.insert(.changesDatabases) }
        case .restored:
            // A setting that is changed while the connection is opened stays.
            guard file != nil else { break }
            let setting = Setting(name: name, database: database)
            guard settings.isKnown(setting) else {
                refusal = .unknown(setting)
                return SQLITE_DENY
            }
            settings.noteChange(setting)
        }
        return SQLITE_OK
    }
}
