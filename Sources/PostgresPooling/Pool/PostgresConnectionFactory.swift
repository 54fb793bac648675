// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

/// Connects, inspects, resets and closes the connections of a ``PostgresPool``.
struct PostgresConnectionFactory: ConnectionFactory {
    let configuration: PostgresConfiguration
    let server: ConnectParameters
    let reactor: Reactor

    /// Retains the reactor's thread, if it is an executor's, while there are connections.
    let executor: PostgresExecutor?

    let watcher: PoolWatcher

    let statementObservers: [any StatementObserver]

    /// The parameter types of statements that the connections have found.
    let resolvedTypes = ResolvedTypes()

    /// The connection attempts in progress.
    let attempts = ConnectAttempts()

    func connect() async throws -> PostgresConnection {
        let time = configuration.pool.connectTimeout
        let deadline = MonotonicClock.deadline(after: time)
        // The last tenth of the time is for the setup, and for reporting the reason before the
        // pool's own timeout.
        let deadlineOfServers = MonotonicClock.deadline(after: time * 9 / 10)
        var server = server
        if let password = configuration.password {
            let text = try await password()
            if text.hasNUL { throw ConnectionString.invalid("the password has a NUL character") }
            server["password"] = text
        }
        let attempt = try attempts.begin()
        defer { attempts.end(attempt) }
        let connector = Connector(
            server: server,
            addressTimeout: configuration.addressTimeout,
            deadline: deadlineOfServers,
            interruption: attempt
        )
        let result: Result<Connector.Connection, PostgresError>? = await DetachedThread.run(name: "postgres-connect") {
            do throws(PostgresError) {
                return .success(try connector.connectBlocking())
            } catch {
                return .failure(error)
            }
        }
        guard let result else {
            throw PostgresError(.connectFailed, "no thread could be started to connect", isUnreached: true)
        }
        let handle = unsafe try result.get().handle
        let session = unsafe Session(
            handle,
            statementCacheCapacity: configuration.statementCacheCapacity,
            reactor: reactor,
            onNotice: configuration.onNotice,
            statementObservers: StatementObservers(
                statementObservers,
                of: StatementEvent.Connection(handle, pool: configuration.pool.name)
            ),
            watcher: watcher
        )
        guard let session else {
            throw PostgresError(.connectFailed, "the system cannot watch another socket", isUnreached: true)
        }
        attempt.set { session.shutDown() }
        defer { attempt.set(nil) }
        do throws(PostgresError) {
            // The pool's shutdown cancels the setup.
            let limit = WaitLimit(deadline: deadline)
            try await session.adapt(to: configuration, resolvedTypes, limit)
            try await session.setUp(configuration.setup, limit)
        } catch {
            session.close()
            // For the caller of a statement, which has not been sent.
            throw error.withoutEffect()
        }
        // From now on, input is reported, even before the first use.
        guard session.watch() else {
            session.close()
            throw PostgresError(
                .connectFailed,
                "the server ended the session immediately",
                connectionIsGone: true,
                isUnreached: true
            )
        }
        if attempt.isInterrupted {
            session.close()
            throw ConnectAttempts.closed
        }
        return PostgresConnection(
            session: session,
            statementTimeout: configuration.statementTimeout,
            resetTimeout: configuration.pool.resetTimeout,
            columnNames: configuration.columnNames
        )
    }

    /// Classifies a connection from what libpq knows, without a round trip.
    func inspect(_ connection: borrowing PostgresConnection) -> ConnectionHealth {
        let session = connection.session
        session.beginUse()
        defer { session.endUse() }
        session.endLease()
        if session.isLost { return .broken }
        if session.state.isDiscarded { return .discarded }
        // The rest of an answer may be long. The reset reads it, off the caller's path.
        if session.state.isAnswerPending || session.state.cancelRequest != nil { return .needsReset }
        guard session.watch() else { return .broken }
        switch unsafe PQtransactionStatus(session.handle) {
        case PQTRANS_IDLE:
            return session.needsReset(configuration.effectiveReset(of: session)) ? .needsReset : .reusable
        case PQTRANS_INTRANS, PQTRANS_INERROR: return .needsReset
        default: return .broken
        }
    }

    func reset(_ connection: borrowing PostgresConnection) async -> Bool {
        let session = connection.session
        let isReset = await session.reset(
            configuration.effectiveReset(of: session),
            setup: configuration.setup,
            within: configuration.pool.resetTimeout
        )
        return isReset && session.watch()
    }

    /// Sends an empty query, which every server and proxy answers: the console of PgBouncer with
    /// an error.
    func ping(_ connection: borrowing PostgresConnection) async -> Bool {
        let session = connection.session
        let wasUsed = session.state.isUsed
        defer { session.state.isUsed = wasUsed }
        do {
            _ = try await session.runScript("", WaitLimit.uncancelled(for: configuration.pool.resetTimeout))
        } catch {
            guard error.code == .server, !error.connectionIsGone else { return false }
        }
        return session.watch()
    }

    /// Ends the lease holder's statement as if its task were cancelled, and fails its next one.
    func interruption(of connection: borrowing PostgresConnection) -> (@Sendable () -> Void)? {
        let session = connection.session
        return { session.shutDown() }
    }

    /// Returns whether retrying is pointless: a wrong password, user, database, certificate or
    /// setting does not correct itself. Other failures may pass.
    func isPermanent(_ error: any Error) -> Bool {
        (error as? PostgresError)?.isPermanentConnectFailure ?? false
    }

    /// The hosts, without the password or any other parameter.
    var target: String? {
        guard let hosts = server["host"] ?? server["hostaddr"] ?? getenvString("PGHOST") else { return nil }
        guard let ports = server["port"] ?? getenvString("PGPORT") else { return hosts }
        return hosts.contains(",") || ports.contains(",") ? "\(hosts) (port \(ports))" : "\(hosts):\(ports)"
    }

    /// Closes the connection without blocking or waiting. Output that the server has not accepted
    /// is discarded.
    func close(_ connection: consuming PostgresConnection) async {
        connection.session.close()
    }
}

extension PostgresConnectionFactory {
    /// Wraps the program's hooks so that a connection that they have used is as safe to lease as
    /// one that a lease has used.
    ///
    /// After `afterConnect`, the connection is inspected, and reset if necessary. After the other
    /// hooks, it must have no open transaction and no pending answer: otherwise `beforeHandOut`
    /// rejects it, and `afterReturn` has it reset. Settings that these two hooks change persist.
    func preparing(_ hooks: ConnectionHooks<PostgresConnection>) -> ConnectionHooks<PostgresConnection> {
        var hooks = hooks
        if let afterConnect = hooks.afterConnect {
            hooks.afterConnect = { connection in
                try await afterConnect(connection)
                switch inspect(connection) {
                case .reusable: return
                case .needsReset: if await reset(connection) { return }
                case .broken, .discarded: break
                }
                throw PostgresError(.connectFailed, "the connection could not be reset after the hook afterConnect")
            }
        }
        if let beforeHandOut = hooks.beforeHandOut {
            hooks.beforeHandOut = { connection, status in
                let isApproved = await beforeHandOut(connection, status)
                return connection.session.endHook() == .reusable && isApproved
            }
        }
        if let afterReturn = hooks.afterReturn {
            hooks.afterReturn = { connection, status in
                let health = await afterReturn(connection, status)
                let left = connection.session.endHook()
                return health == .reusable ? left : health
            }
        }
        return hooks
    }
}

extension PostgresError {
    /// Whether retrying the connection attempt that failed with this error is pointless.
    var isPermanentConnectFailure: Bool {
        if isUnreached { return false }
        if let state = sqlState {
            return !["08", "40", "53", "55", "57", "58", "XX"].contains(state.conditionClass)
        }
        return ![.connectionLost, .outcomeUnknown, .timedOut].contains(code)
    }
}

extension Session {
    /// Ends the use of the connection by a hook between two leases.
    ///
    /// - Returns: The condition in which the hook has left the connection, without regard to
    ///   settings.
    fileprivate func endHook() -> ConnectionHealth {
        beginUse()
        defer { endUse() }
        let hasObstacle = state.transactions.obstacle != nil
        endLease()
        if isLost { return .broken }
        if state.isDiscarded { return .discarded }
        if hasObstacle || state.isAnswerPending || state.cancelRequest != nil { return .needsReset }
        return unsafe PQtransactionStatus(handle) == PQTRANS_IDLE ? .reusable : .needsReset
    }
}
