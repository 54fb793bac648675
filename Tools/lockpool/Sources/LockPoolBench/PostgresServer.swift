// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import PostgresPooling

/// A PostgreSQL server that has accepted a connection.
public struct PostgresServer: Sendable {
    private let address: String
    private let password: String?
    let systemVersion: String?
    let database: String

    /// Connects once, to check the address and to find out which server it is.
    ///
    /// - Parameters:
    ///   - address: A URL or keywords, in libpq's format. Missing values come from libpq's
    ///     defaults, the password from `PGPASSWORD` or `.pgpass`.
    ///   - askForPassword: A closure that is called once if the server rejects the password or
    ///     requires one; `nil` if there is no terminal.
    /// - Throws: ``CommandFailure`` that never quotes the address, which may contain a password.
    public static func find(
        _ address: String,
        askForPassword: () -> String?
    ) async throws(CommandFailure) -> PostgresServer {
        guard !address.isEmpty else { throw .usage("--postgres needs the URL of a server, but is empty") }
        do {
            return try await PostgresServer(address, password: nil)
        } catch {
            guard error.isAboutPassword, let password = askForPassword() else {
                throw CommandFailure(connecting: error)
            }
            do {
                return try await PostgresServer(address, password: password)
            } catch {
                throw CommandFailure(connecting: error)
            }
        }
    }

    private init(_ address: String, password: String?) async throws(ConnectFailure) {
        self.address = address
        self.password = password
        let pool: PostgresPool
        do {
            pool = try PostgresPool(Self.configuration(address, password: password))
        } catch {
            throw ConnectFailure(underlying: error)
        }
        do {
            let (version, database) = try await pool.withConnection { db in
                let number = db.serverVersion
                let names = try await db.query(
                    """
                    SELECT current_database() || ' on '
                        || coalesce(host(inet_server_addr()) || ', port ' || inet_server_port(), 'a local socket')
                    """,
                    as: String.self
                )
                return (number, names.first ?? "")
            }
            systemVersion = "\(version / 10_000).\(version % 10_000)"
            self.database = database
        } catch {
            await pool.close()
            throw ConnectFailure(underlying: error)
        }
        await pool.close()
    }

    private static func configuration(_ address: String, password: String?) -> PostgresConfiguration {
        var configuration = PostgresConfiguration(address)
        configuration.applicationName = "lockpool"
        configuration.pool.maximumConnections = 1
        if let password { configuration.password = { password } }
        return configuration
    }

    /// Returns a pool of `connections` connections, in which any number of clients can wait
    /// without a timeout.
    func pool(
        connections: Int = 1,
        waiters: Int = 1,
        executor: PostgresExecutor? = nil
    ) throws(CommandFailure) -> PostgresPool {
        var configuration = Self.configuration(address, password: password)
        configuration.pool.maximumConnections = connections
        configuration.pool.maximumWaiters = waiters
        configuration.pool.checkoutTimeout = .seconds(BenchmarkPlan.maximumSeconds)
        do {
            return try PostgresPool(configuration, executor: executor)
        } catch {
            throw CommandFailure(connecting: ConnectFailure(underlying: error))
        }
    }

    /// Runs `body` with a connection, and closes it.
    func withConnection(_ body: (borrowing PostgresConnection) async throws -> Void) async throws {
        let pool = try pool()
        do {
            try await pool.withConnection { db in try await body(db) }
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }
}

/// The reason why a connection attempt failed.
private struct ConnectFailure: Error {
    let underlying: any Error

    var postgres: PostgresError? { underlying as? PostgresError }

    /// Whether the server requires a password and got none.
    var isPasswordMissing: Bool {
        // libpq has no code for this error, only a message.
        postgres?.code == .connectFailed && postgres?.server == nil
            && postgres?.message.contains("no password supplied") == true
    }

    /// Whether another password may succeed.
    var isAboutPassword: Bool { isPasswordMissing || postgres?.sqlState == .invalidPassword }
}

extension CommandFailure {
    fileprivate init(connecting failure: ConnectFailure) {
        if let error = failure.postgres, error.code == .invalidConfiguration {
            self = .usage("--postgres: \(error.message)")
        } else if failure.isPasswordMissing {
            self = .runtime(
                "the PostgreSQL server asks for a password: put it into PGPASSWORD or .pgpass, or run this at a terminal"
            )
        } else {
            self = .runtime(
                "cannot connect to the PostgreSQL server: \(failure.postgres?.message ?? "\(failure.underlying)")"
            )
        }
    }
}
