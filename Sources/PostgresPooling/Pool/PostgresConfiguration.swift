// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

/// The address of a PostgreSQL server, and how a ``PostgresPool`` uses it.
public struct PostgresConfiguration: Sendable {
    /// The server in libpq's syntax: a URL, such as
    /// `postgres://user@host:5432/database?sslmode=verify-full`, or keywords, such as
    /// `host=/run/postgresql dbname=app`. Commas separate several hosts, which the pool tries in
    /// order.
    ///
    /// ``parameters`` take precedence. Missing values come from the service (`service=…` or
    /// `PGSERVICE`), then from the `PG…` environment variables, then from libpq's defaults. A
    /// missing password comes from `.pgpass`. The empty string takes everything from these
    /// sources.
    ///
    /// Two defaults differ from libpq's. `sslmode` is `verify-full` for a host that is not local,
    /// which requires a valid certificate; an explicit `sslmode` in any of these sources, or
    /// `PGSSLMODE`, replaces it. `gssencmode` is `disable`. A `client_encoding` other than UTF-8
    /// is an error.
    public var server: String

    /// Further keywords of libpq, which override those in ``server``: `sslrootcert`,
    /// `keepalives_idle`, `options` and so on.
    public var parameters: [String: String] = [:]

    /// A closure that returns the password, or a token in its place, for each new connection. If
    /// `nil`, the password comes from ``server``, `PGPASSWORD` or `.pgpass`. The pool sets no time
    /// limit for the closure.
    public var password: (@Sendable () async throws -> String)?

    /// The name of this program in `pg_stat_activity` and the server's log. If `nil`, the default,
    /// it comes from ``server`` or `PGAPPNAME`, and otherwise is `swift-lock-pool`.
    public var applicationName: String?

    /// The statements that run on each new connection, and at the end of each full reset: usually
    /// `SET` statements. The connection attempt fails if one fails, or if they change
    /// `client_encoding`.
    public var setup: [PostgresQuery] = []

    /// The reset of a connection's session between two leases. The default is
    /// ``PostgresConfiguration/ResetPolicy/whenChanged``.
    public var reset = ResetPolicy.whenChanged

    /// The size of the pool, the timeouts of callers, the tests and replacement of connections,
    /// and the behavior while the server is unreachable.
    ///
    /// If its name is left at the default, the pool takes the program's name; see
    /// ``applicationName``.
    ///
    /// `connectTimeout` covers a whole connection attempt: the password, name resolution, all
    /// addresses, and ``setup``. `resetTimeout` is the time for the server to end a cancelled
    /// statement, or to roll back, before the connection is closed and replaced. Only the next
    /// statement of the same body waits for that.
    public var pool = ConnectionPoolConfiguration()

    /// The time limit for one address of one host, including authentication. If `nil`, the
    /// default, each address gets its share of the rest of the pool's `connectTimeout`, so that
    /// the last address is tried in any case. With a limit, the shorter of the two applies.
    public var addressTimeout: Duration?

    /// The timeout of statements that do not specify one; `nil`, the default, for none.
    public var statementTimeout: Duration?

    /// The kind of pooler between the pool and the server. The default,
    /// ``PostgresConfiguration/Pooler/detect``, detects it.
    public var pooler = Pooler.detect

    /// The number of statements that stay prepared on each connection. The default is 256. 0
    /// disables prepared statements.
    public var statementCacheCapacity = 256

    /// The number of bytes for prepared statements on each connection. The default is 1 MiB. The
    /// same number is available for statements that have run once, which are prepared when they
    /// run again.
    ///
    /// A statement of more than an eighth of this size is never prepared. Its size is that of its
    /// text, and about 40 bytes for each parameter.
    public var statementCacheBytes = 1 << 20

    /// The mapping from a property of a `Decodable` type to a column. By default the names are
    /// equal.
    public var columnNames = ColumnNames.asWritten

    /// A closure that receives the server's notices, such as warnings; `nil` by default.
    ///
    /// A connection calls it while it reads an answer: on a thread of the task that uses the
    /// connection, or on any of the pool's threads. Several connections may call it at once. It
    /// must not block, which would hold up other statements.
    public var onNotice: (@Sendable (PostgresError.ServerFields) -> Void)?

    /// Whether the connection for notifications is one of the `maximumConnections` of ``pool``,
    /// and waits for a free one like a caller. The default is `false`: the pool makes one more
    /// connection while there are subscriptions.
    public var countsNotificationConnection = false

    /// The use of connections by calls of a single statement. By default each such call leases a
    /// connection for itself.
    public var multiplexing = Multiplexing.off

    /// Creates a configuration with default values.
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
            !countsNotificationConnection || pool.maximumConnections > 1,
            "countsNotificationConnection",
            "requires a maximumConnections of at least 2, because it would leave no connection for statements"
        )
        try check(
            multiplexing == .off || 1...pool.maximumConnections ~= multiplexing.connections,
            "multiplexing",
            "must share from 1 to maximumConnections connections"
        )
        try check(
            multiplexing == .off || reset != .always || pooler == .transaction,
            "multiplexing",
            "cannot be combined with the reset policy .always, because a shared connection is not reset between the statements of different calls"
        )
        try check(
            pooler != .transaction || setup.isEmpty,
            "setup",
            "must be empty with the pooler .transaction, because its settings would apply to other clients: use start-up parameters, SET LOCAL, or settings of the role or the database"
        )
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The pool's name and size. Neither the server, whose URL may contain a password, nor any
    /// parameter is included.
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
