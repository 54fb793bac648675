// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

/// Makes, judges, mends and closes the connections of a ``PostgresPool``.
struct PostgresConnectionFactory: ConnectionFactory {
    let configuration: PostgresConfiguration
    let server: ConnectParameters
    let reactor: Reactor

    /// Keeps the reactor's thread, if that is an executor's, for as long as there are connections.
    let executor: PostgresExecutor?

    let watcher: PoolWatcher

    /// What the connections have learned of the types of statements' parameters.
    let resolvedTypes = ResolvedTypes()

    /// The attempts that are under way.
    let attempts = ConnectAttempts()

    func connect() async throws -> PostgresConnection {
        let time = configuration.pool.connectTimeout
        let deadline = MonotonicClock.deadline(after: time)
        // The last tenth is for the setup, and so that the reason comes before the pool's own time is over.
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
        let result: Result<Connector.Connection, PostgresError>? = await HelperThread.run(name: "postgres-connect") {
            do throws(PostgresError) {
                return .success(try connector.connectBlocking())
            } catch {
                return .failure(error)
            }
        }
        guard let result else {
            throw PostgresError(.connectFailed, "no thread could be started to connect", isUnreached: true)
        }
        let link = unsafe Link(
            try result.get().handle,
            statementCacheCapacity: configuration.statementCacheCapacity,
            reactor: reactor,
            onNotice: configuration.onNotice,
            watcher: watcher
        )
        guard let link else {
            throw PostgresError(.connectFailed, "the system has no room to watch another socket", isUnreached: true)
        }
        attempt.set { link.shutDown() }
        defer { attempt.set(nil) }
        do throws(PostgresError) {
            // Cancellable by the end of the pool.
            let patience = Patience(deadline: deadline)
            try await link.adapt(to: configuration, resolvedTypes, patience)
            try await link.setUp(configuration.setup, patience)
        } catch {
            link.close()
            // To the caller of a statement, which has not been sent.
            throw error.withoutEffect()
        }
        // What comes from now on is reported, also before the first use.
        guard link.watch() else {
            link.close()
            throw PostgresError(
                .connectFailed,
                "the server has ended the session at once",
                connectionIsGone: true,
                isUnreached: true
            )
        }
        if attempt.isInterrupted {
            link.close()
            throw ConnectAttempts.closed
        }
        return PostgresConnection(
            link: link,
            statementTimeout: configuration.statementTimeout,
            resetTimeout: configuration.pool.resetTimeout,
            columnNames: configuration.columnNames
        )
    }

    /// What libpq knows without asking the server.
    func inspect(_ connection: borrowing PostgresConnection) -> ConnectionHealth {
        let link = connection.link
        link.beginUse()
        defer { link.endUse() }
        link.endLease()
        if link.isLost { return .broken }
        if link.session.isDiscarded { return .discarded }
        // What is still to come of an answer may be long: it is drained off the caller's way.
        if link.session.isAnswerPending || link.session.cancelRequest != nil { return .needsReset }
        guard link.watch() else { return .broken }
        switch unsafe PQtransactionStatus(link.handle) {
        case PQTRANS_IDLE: return link.needsReset(configuration.effectiveReset(of: link)) ? .needsReset : .reusable
        case PQTRANS_INTRANS, PQTRANS_INERROR: return .needsReset
        default: return .broken
        }
    }

    func reset(_ connection: borrowing PostgresConnection) async -> Bool {
        let link = connection.link
        let isReset = await link.reset(
            configuration.effectiveReset(of: link),
            setup: configuration.setup,
            within: configuration.pool.resetTimeout
        )
        return isReset && link.watch()
    }

    /// A query without text, which every server and proxy answers.
    func ping(_ connection: borrowing PostgresConnection) async -> Bool {
        let link = connection.link
        let wasUsed = link.session.isUsed
        defer { link.session.isUsed = wasUsed }
        do {
            _ = try await link.runScript("", Patience.uncancelled(for: configuration.pool.resetTimeout))
        } catch {
            return false
        }
        return link.watch()
    }

    /// Ends the holder's statement as if its task were cancelled, and refuses the next one.
    func interruption(of connection: borrowing PostgresConnection) -> (@Sendable () -> Void)? {
        let link = connection.link
        return { link.shutDown() }
    }

    /// A wrong password, user, database, certificate or setting does not get right by itself; all else may pass.
    func isPermanent(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, !error.isUnreached else { return false }
        if let state = error.sqlState {
            return !["08", "40", "53", "55", "57", "58", "XX"].contains(state.conditionClass)
        }
        return ![.connectionLost, .outcomeUnknown, .timedOut].contains(error.code)
    }

    /// The hosts, without a password or any other parameter.
    var target: String? {
        guard let hosts = server["host"] ?? server["hostaddr"] ?? getenvString("PGHOST") else { return nil }
        guard let ports = server["port"] ?? getenvString("PGPORT") else { return hosts }
        return hosts.contains(",") || ports.contains(",") ? "\(hosts) (port \(ports))" : "\(hosts):\(ports)"
    }

    /// Neither blocks nor waits: what the server has not read by now is not sent any more.
    func close(_ connection: consuming PostgresConnection) async {
        connection.link.close()
    }
}
