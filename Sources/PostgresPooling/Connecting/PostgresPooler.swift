// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What stands between a ``PostgresPool`` and the server, such as PgBouncer, and so how long a connection keeps its session.
///
/// A pooler in transaction or statement mode runs each transaction of a connection in any of the server's sessions. What
/// belongs to a session then belongs to other clients too: prepared statements, `SET`, `LISTEN`, session advisory locks,
/// temporary tables. "Behind a pooler" in the guide says what works.
public enum PostgresPooler: Sendable, Hashable, CaseIterable {
    /// Finds out whether there is a pooler, for each new connection: one round trip more.
    ///
    /// The server's process has one number in the handshake and another in `pg_backend_pid()` if there is a pooler between.
    /// The mode of a pooler cannot be found out. So behind any pooler no statement is prepared by name, and
    /// ``PostgresConfiguration/setup`` is refused with the code `invalidConfiguration`.
    case detect

    /// Each connection keeps one session: there is no pooler, or one in session mode.
    case session

    /// A connection keeps a session for one transaction: the pooler is in transaction or statement mode.
    ///
    /// No statement is prepared by name, no `DEALLOCATE` is sent, and a returned connection is rolled back but not reset. A pool
    /// with a ``PostgresConfiguration/setup`` cannot be made.
    case transaction
}
