// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling
internal import LockPool

/// The tests and hooks of a connection between its uses.
///
/// They run on the thread that has leased the connection, because a call waits without a task that
/// the connection pool could run them in.
struct UsePolicy: Sendable {
    /// The age and use of a connection.
    struct Record {
        var openedAt: UInt64 = 0
        var lastUse: UInt64 = 0
        var uses = 0

        init(openedAt: UInt64 = 0) {
            self.openedAt = openedAt
            lastUse = openedAt
        }
    }

    private let file: SQLiteFile
    private let validateAfterIdle: UInt64?

    /// Returns `nil` if the configuration has no test and the file no hook.
    init?(_ file: SQLiteFile) {
        self.file = file
        validateAfterIdle = file.configuration.pool.validateAfterIdle?.wholeNanoseconds
        guard validateAfterIdle != nil || file.hooks.beforeHandOut != nil || file.hooks.afterReturn != nil else {
            return nil
        }
    }

    var now: UInt64 { file.now }

    /// Returns whether the next body may use a session: whether it passes the test that is due,
    /// and the hook approves it.
    func admits(_ session: Session, _ record: Record) -> Bool {
        if let validateAfterIdle, idleTime(record, at: now) >= validateAfterIdle, !session.canReadFile { return false }
        return approves(session, record)
    }

    /// Returns whether the hook `beforeHandOut` approves a session.
    ///
    /// If the hook changes the session in a way that cannot be restored, such as an attached
    /// database, the session is used once and replaced afterwards.
    func approves(_ session: Session, _ record: Record) -> Bool {
        guard let hook = file.hooks.beforeHandOut else { return true }
        guard !session.mustBeReplaced else { return false }
        let status = status(record)
        var isApproved = false
        // A hook that leaves a transaction open fails here.
        let isRestored: Void? = try? session.perform(nil, in: .none) { db in isApproved = hook(db, status) }
        guard isApproved, isRestored != nil, session.isUsable else { return false }
        // The session stays for the body, which needs the settings of the configuration.
        session.restoreSettings()
        return session.isUsable
    }

    /// Counts a use that has ended, and applies the result of the hook `afterReturn` to the
    /// session.
    func endUse(of session: Session, _ record: inout Record) {
        record.uses += 1
        record.lastUse = now
        guard let hook = file.hooks.afterReturn, !session.mustBeReplaced else { return }
        let status = status(record)
        var health = ConnectionHealth.broken
        let isRestored: Void? = try? session.perform(nil, in: .none) { db in health = hook(db, status) }
        if health != .reusable || isRestored == nil { session.mustBeReplaced = true }
    }

    private func idleTime(_ record: Record, at now: UInt64) -> UInt64 {
        now > record.lastUse ? now - record.lastUse : 0
    }

    private func status(_ record: Record) -> ConnectionStatus {
        let now = now
        let age = now > record.openedAt ? now - record.openedAt : 0
        return ConnectionStatus(
            age: .nanoseconds(Int64(clamping: age)),
            idleTime: .nanoseconds(Int64(clamping: idleTime(record, at: now))),
            uses: record.uses
        )
    }
}

extension Session {
    /// Whether the connection can read the file, and the file is still at its path.
    ///
    /// A file that another process has locked counts as readable. The test does not wait for the
    /// lock, because that would exceed the deadline of the next call.
    var canReadFile: Bool {
        guard !mustBeReplaced else { return false }
        let timeout = busyTimeout
        busyTimeout = .zero
        defer { busyTimeout = timeout }
        do throws(SQLiteError) {
            try run(.readSchema)
        } catch {
            guard error.code.primary == .busy || error.code.primary == .locked else { return false }
        }
        // A temporary database has no name in its folder.
        guard file?.location.temporary == nil else { return true }
        var hasMoved: Int32 = 0
        // A file system module that does not know leaves the value.
        _ = unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        guard hasMoved != 0 else { return true }
        file?.forgetPreparation()
        return false
    }
}
