// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

// The part of a call that runs on the connection's thread.

extension Call {
    /// Runs the body, releases the connection and completes the call.
    ///
    /// - Returns: The next work item, if a group has taken it from the mailbox.
    func runOnThread() -> WorkItem? {
        guard let lease = lease.take() else {
            runOnHeldConnection()
            return nil
        }
        let worker = lease.connection
        do throws(SQLiteError) {
            if needsNewSession { try worker.replaceSession() } else { worker.replaceSessionIfNeeded() }
        } catch {
            fail(error)
            lease.release()
            complete()
            return nil
        }
        if let group { return runInGroup(group, worker, lease) }
        var isMaintenanceDue = false
        do {
            try worker.withSession { session in
                perform(in: session)
                isMaintenanceDue = session.isMaintenanceDue
            }
        } catch {
            fail(error)
        }
        if isMaintenanceDue {
            complete()
            worker.maintain()
            lease.release()
        } else {
            // Released before the task is resumed, which may need a connection again immediately.
            // If a call waits, it is then in the mailbox.
            lease.release()
            complete()
        }
        return nil
    }

    /// Runs the body, and stores its error.
    private func perform(in session: Session) {
        observe(in: session) { storeError { body in try session.perform(interruption, in: scope, body) } }
    }

    /// Runs the body as a member of the open transaction, or of a new one, and stores its error.
    func performAsMember(in session: Session) {
        observe(in: session) { storeError { body in try session.performAsMember(interruption, body) } }
    }

    /// Runs the body, whose statements are those of this call for observers.
    private func observe(in session: Session, _ body: () -> Void) {
        guard let observed else { return body() }
        session.observedCall = observed
        body()
        session.observedCall = nil
    }

    private func storeError(_ run: (Body) throws -> Void) {
        // The body, with its captures, is released when this returns.
        guard let body = body.take() else { return }
        do { try run(body) } catch { self.error = error }
    }

    private func runOnHeldConnection() {
        guard let held = held.take() else { preconditionFailure("A call has a connection when it runs.") }
        // The caller may have released its reference.
        defer { withExtendedLifetime(held) {} }
        held.noteUse()
        held.worker.replaceSessionIfNeeded()
        do {
            try held.worker.withSession { perform(in: $0) }
        } catch {
            fail(error)
        }
        complete()
    }

    /// Returns the lease, which the call then no longer owns. The connection can serve the next
    /// call before this one is complete.
    func takeLease() -> ConnectionLease<SQLiteWorkerFactory>? { lease.take() }
}
