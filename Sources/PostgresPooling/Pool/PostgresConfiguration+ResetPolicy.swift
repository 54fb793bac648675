// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PostgresConfiguration {
    /// How a ``PostgresPool`` resets the session of a connection between two leases.
    ///
    /// In every case, a pending answer is ended and an open transaction is rolled back. A full
    /// reset then closes cursors, drops temporary tables, ends `LISTEN`, restores the user, the
    /// role and all settings to those of the start-up, releases the session's advisory locks,
    /// forgets `currval` and prepared statements of `PREPARE`, and runs
    /// ``PostgresConfiguration/setup``. The pool's own prepared statements stay. A full reset
    /// takes one round trip, and one more for each statement of the setup, in a task of the pool:
    /// the caller that released the connection does not wait, but the next lease does.
    public enum ResetPolicy: Hashable, Sendable, CaseIterable {
        /// A full reset after a lease that is known to have changed the session: from command
        /// tags, from calls of `set_config` and advisory lock functions in the statement's text,
        /// and from settings that the server reports. No reset otherwise.
        ///
        /// Changes by functions and triggers are not detected, except of reported settings: use
        /// ``always`` if the state of a session decides what a user may access.
        case whenChanged

        /// A full reset after each lease that has run a statement.
        case always

        /// No reset. For servers behind a pooler that may run each transaction in another session.
        ///
        /// Changes to the session stay, and ``PostgresConfiguration/setup`` runs only on new
        /// connections. A connection whose `client_encoding` has changed is closed.
        case transactionOnly
    }
}

extension PostgresConfiguration {
    /// Returns the policy that applies to a session.
    func effectiveReset(of session: Session) -> ResetPolicy {
        session.state.isShared ? .transactionOnly : reset
    }
}
