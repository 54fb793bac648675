// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Where a PostgreSQL server is, and how a ``PostgresPool`` uses it.
public struct PostgresConfiguration: Sendable {
    /// The server, as libpq takes it: a URL, such as `postgres://user@host:5432/database?sslmode=verify-full`, or keywords, such
    /// as `host=/run/postgresql dbname=app`. Several hosts are separated by commas.
    ///
    /// A host that is not local has to prove who it is, unless `sslmode` or `PGSSLMODE` says otherwise.
    ///
    /// What it leaves out comes from a service file (`service=…`), the `PG…` environment variables, `.pgpass`, and libpq's
    /// defaults, in this order. The empty string takes everything from there.
    public var server: String

    /// Further keywords of libpq, which go before those in ``server``: `sslrootcert`, `keepalives_idle`, `options` and so on.
    public var parameters: [String: String] = [:]

    /// Gives the password, or a token that stands for it, for each connection anew; `nil` leaves it to ``server``,
    /// `PGPASSWORD` and `.pgpass`. It has no time limit but its own.
    public var password: (@Sendable () async throws -> String)?

    /// What the server shows for this program, in `pg_stat_activity` and its log.
    public var applicationName = "swift-lock-pool"

    /// Statements that are run on each connection when it is new, and again when a statement has changed settings: `SET`s, mostly.
    /// A connect is given up when one fails.
    public var setup: [PostgresQuery] = []

    /// How many connections there are at most. The default is 10, which keeps a database on a few cores busy.
    public var maximumConnections = 10

    /// How many callers may wait for a connection at a time; the next is refused at once. The default is 1,024.
    public var maximumWaiters = 1_024

    /// How long a caller waits for a connection. The default is 10 seconds.
    public var checkoutTimeout: Duration = .seconds(10)

    /// How long one address of one host may take to be reached and to let the session in. The default is 10 seconds.
    public var connectTimeout: Duration = .seconds(10)

    /// How long a statement may take that does not say so itself; `nil`, the default, for as long as it takes.
    public var statementTimeout: Duration?

    /// How long the server may take to end a statement that was cancelled, or to roll back, before its connection is given up
    /// and replaced. Nobody waits for that. The default is 5 seconds.
    public var recoveryTimeout: Duration = .seconds(5)

    /// How many statements stay prepared on each connection. 0 prepares none, which PgBouncer before 1.21 needs. The default is
    /// 256.
    public var statementCacheCapacity = 256

    /// Is called with what the server notifies of, such as warnings; on any thread. Must not block.
    public var onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?

    /// A configuration with defaults.
    ///
    /// - Parameter server: See ``server``.
    public init(_ server: String = "") { self.server = server }

    func validate() throws(PostgresError) {
        func check(_ condition: Bool, _ field: String, _ reason: String) throws(PostgresError) {
            if !condition { throw PostgresError(.invalidConfiguration, "\(field) \(reason)") }
        }
        try check(1...100_000 ~= maximumConnections, "maximumConnections", "must be from 1 to 100,000")
        try check(1...100_000 ~= maximumWaiters, "maximumWaiters", "must be from 1 to 100,000")
        try check(checkoutTimeout >= .zero, "checkoutTimeout", "must not be negative")
        try check(connectTimeout > .zero, "connectTimeout", "must be positive")
        try check(statementTimeout ?? .seconds(1) > .zero, "statementTimeout", "must be positive")
        try check(recoveryTimeout > .zero, "recoveryTimeout", "must be positive")
        try check(0...100_000 ~= statementCacheCapacity, "statementCacheCapacity", "must be from 0 to 100,000")
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The pool's size and the program's name; neither the server, whose URL may hold a password, nor any parameter.
    public var description: String {
        "PostgresConfiguration(applicationName: \(applicationName), maximumConnections: \(maximumConnections))"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The pool's size and the program's name.
    public var customMirror: Mirror {
        Mirror(self, children: ["applicationName": applicationName, "maximumConnections": maximumConnections])
    }
}
