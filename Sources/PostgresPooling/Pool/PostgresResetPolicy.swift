// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a ``PostgresPool`` does to the session of a connection between two leases.
///
/// An answer that is still to come is ended and an open transaction is rolled back in every case. A full reset then closes
/// cursors, drops temporary tables, ends `LISTEN`, restores the user, the role and all settings to those of the start-up, releases
/// the session's advisory locks, forgets `currval` and prepared statements of `PREPARE`, and runs
/// ``PostgresConfiguration/setup``. The pool's own prepared statements stay. It takes a round trip, and one more for each statement
/// of the setup, in a task of the pool's own: the caller that returned the connection does not wait, the next user does.
public enum PostgresResetPolicy: Hashable, Sendable, CaseIterable {
    /// A full reset after a lease that is known to have changed the session, by command tags, by calls of `set_config` and
    /// advisory lock functions in the statement's text, and by settings that the server reports. No reset otherwise.
    ///
    /// Changes that functions and triggers make are missed, except to the reported settings: use ``always`` where a session's state
    /// decides what a user may see.
    case whenChanged

    /// A full reset after each lease that has run a statement.
    case always

    /// No reset. For servers behind a pooler that gives each transaction another session.
    ///
    /// What a lease changes in the session stays, and ``PostgresConfiguration/setup`` runs only on new connections. A connection
    /// whose `client_encoding` was changed is closed.
    case transactionOnly
}

extension PostgresConfiguration {
    /// The policy that a connection is reset by: the only place that decides.
    func effectiveReset(of link: Link) -> PostgresResetPolicy { link.session.isShared ? .transactionOnly : reset }
}
