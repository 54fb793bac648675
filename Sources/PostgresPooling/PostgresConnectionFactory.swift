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

    /// Called when something has come on a connection that nobody waits for.
    let onActivity: @Sendable () -> Void

    func connect() async throws -> PostgresConnection {
        var server = server
        if let password = configuration.password { server["password"] = try await password() }
        let connector = Connector(server: server, timeout: configuration.connectTimeout)
        let result: Result<Connector.Connection, PostgresError>? = await HelperThread.run(name: "postgres-connect") {
            do throws(PostgresError) {
                return .success(try connector.connectBlocking())
            } catch {
                return .failure(error)
            }
        }
        guard let result else { throw PostgresError(.connectFailed, "no thread could be started to connect") }
        let link = unsafe Link(
            try result.get().handle,
            statementCacheCapacity: configuration.statementCacheCapacity,
            reactor: reactor,
            onNotice: configuration.onNotice,
            onActivity: onActivity
        )
        guard let link else { throw PostgresError(.connectFailed, "the system has no room to watch another socket") }
        do {
            let patience = Patience.uncancelled(for: configuration.connectTimeout)
            for query in configuration.setup { _ = try await link.run(query, patience) }
        } catch {
            link.close()
            throw error
        }
        link.session.isChanged = false
        return PostgresConnection(
            link: link,
            statementTimeout: configuration.statementTimeout,
            recoveryTimeout: configuration.recoveryTimeout
        )
    }

    /// What libpq knows without asking the server.
    func inspect(_ connection: borrowing PostgresConnection) -> ConnectionHealth {
        let link = connection.link
        link.beginUse()
        defer { link.endUse() }
        link.endLease()
        if link.isLost { return .broken }
        // What is still to come of an answer may be long: it is drained off the caller's way.
        let session = link.session
        if session.isAnswerPending || session.cancelRequest != nil || session.isChanged { return .needsReset }
        guard link.watch() else { return .broken }
        switch unsafe PQtransactionStatus(link.handle) {
        case PQTRANS_IDLE: return .reusable
        case PQTRANS_INTRANS, PQTRANS_INERROR: return .needsReset
        default: return .broken
        }
    }

    func reset(_ connection: borrowing PostgresConnection) async -> Bool {
        let link = connection.link
        let isReset = await link.reset(setup: configuration.setup, within: configuration.recoveryTimeout)
        return isReset && link.watch()
    }

    /// Neither blocks nor waits: what the server has not read by now is not sent any more.
    func close(_ connection: consuming PostgresConnection) async {
        connection.link.close()
    }
}
