// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// Where a PostgreSQL server is, and how a ``PostgresPool`` uses it.
public struct PostgresConfiguration: Sendable {
    /// The server in libpq's syntax: a URL, such as `postgres://user@host:5432/database?sslmode=verify-full`, or keywords, such
    /// as `host=/run/postgresql dbname=app`. Commas separate several hosts, which the pool tries in order.
    ///
    /// ``parameters`` take precedence. What both leave out comes from the service (`service=…` or `PGSERVICE`), then from the
    /// `PG…` environment variables, then from libpq's defaults; a password that is still missing comes from `.pgpass`. The empty
    /// string takes everything from there.
    ///
    /// Two defaults differ from libpq's. `sslmode` is `verify-full` for a host that is not local, so that it must have a valid
    /// certificate; an explicit `sslmode` in any of these places, or `PGSSLMODE`, replaces that. `gssencmode` is `disable`. A
    /// `client_encoding` other than UTF-8 is refused.
    public var server: String

    /// Further keywords of libpq, which go before those in ``server``: `sslrootcert`, `keepalives_idle`, `options` and so on.
    public var parameters: [String: String] = [:]

    /// Gives the password, or a token that stands for it, for each connection anew; `nil` leaves it to ``server``,
    /// `PGPASSWORD` and `.pgpass`. It has no time limit but its own.
    public var password: (@Sendable () async throws -> String)?

    /// What the server shows for this program, in `pg_stat_activity` and its log; `nil`, the default, leaves it to ``server``,
    /// `PGAPPNAME` and so on, and to `swift-lock-pool` if they say nothing.
    public var applicationName: String?

    /// Statements that are run on each connection when it is new, and again at the end of a full reset: `SET`s, mostly.
    /// A connect is given up when one fails, or when they change `client_encoding`.
    public var setup: [PostgresQuery] = []

    /// What is done to the session of a connection between two leases. The default is ``PostgresResetPolicy/whenChanged``.
    public var reset = PostgresResetPolicy.whenChanged

    /// How many connections there are, how long callers wait, when connections are tested and replaced, and what is done while
    /// the server is not to be reached.
    ///
    /// A name that is left at its default becomes that of the program; see ``applicationName``.
    ///
    /// `connectTimeout` is for the whole way to a connection: the password, the names, all addresses, and ``setup``.
    /// `resetTimeout` is how long the server may take to end a statement that was cancelled, or to roll back, before its
    /// connection is given up and replaced. Nobody waits for that but the next statement of the same body.
    public var pool = ConnectionPoolConfiguration()

    /// How long one address of one host may take to be reached and to let the session in; `nil`, the default, for its share of
    /// what is left of the pool's `connectTimeout`, so that the last address is reached whatever the others do. With a limit
    /// of its own an address has the shorter of the two.
    public var addressTimeout: Duration?

    /// How long a statement may take that does not say so itself; `nil`, the default, for as long as it takes.
    public var statementTimeout: Duration?

    /// What stands between the pool and the server; ``PostgresPooler/detect``, the default, finds out.
    public var pooler = PostgresPooler.detect

    /// The number of statements that stay prepared on each connection; 256 by default. 0 prepares none.
    public var statementCacheCapacity = 256

    /// The number of bytes that the statements which are prepared take on each connection; 1 MiB by default. As many again are
    /// for statements that came once, which are prepared when they come again.
    ///
    /// A statement of more than an eighth of this is not remembered, and so never prepared. What counts is its text, and some
    /// 40 bytes for each parameter.
    public var statementCacheBytes = 1 << 20

    /// Which column a property of a `Decodable` type has; by default the column of its name.
    public var columnNames = ColumnNames.asWritten

    /// A closure that receives the notices of the server, such as warnings; `nil` by default.
    ///
    /// A connection calls it while it reads an answer: on a thread of the task that uses the connection, or on any of the pool's
    /// threads. Several connections may call it at once. It must not block, which holds up other statements.
    public var onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?

    /// A configuration with defaults.
    ///
    /// - Parameter server: See ``server``.
    public init(_ server: String = "") { self.server = server }

    func validate() throws(PostgresError) {
        func check(_ condition: Bool, _ field: String, _ reason: String) throws(PostgresError) {
            if !condition { throw PostgresError(.invalidConfiguration, "\(field) \(reason)") }
        }
        do {
            try pool.validate()
        } catch {
            throw PostgresError(.invalidConfiguration, "\(error)")
        }
        try check(addressTimeout ?? .seconds(1) > .zero, "addressTimeout", "must be positive")
        try check(statementTimeout ?? .seconds(1) > .zero, "statementTimeout", "must be positive")
        try check(0...100_000 ~= statementCacheCapacity, "statementCacheCapacity", "must be from 0 to 100,000")
        try check(0...(1 << 40) ~= statementCacheBytes, "statementCacheBytes", "must be from 0 to 2^40")
        try check(
            pooler != .transaction || setup.isEmpty,
            "setup",
            "must be empty with the pooler .transaction, where its settings would be other clients': use start-up parameters, SET LOCAL, or settings of the role or the database"
        )
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The pool's name and size; neither the server, whose URL may hold a password, nor any parameter.
    public var description: String {
        "PostgresConfiguration(name: \(pool.name), maximumConnections: \(pool.maximumConnections))"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The pool's name and size.
    public var customMirror: Mirror {
        Mirror(self, children: ["name": pool.name, "maximumConnections": pool.maximumConnections])
    }
}
