// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct ConnectTests {
    /// Returns the error if a pool with this configuration cannot run a statement.
    private func connect(_ configuration: PostgresConfiguration) async -> PostgresError? {
        var configuration = configuration
        configuration.pool.circuitBreakerThreshold = .zero
        return await postgresFailure {
            let pool = try PostgresPool(configuration)
            do {
                _ = try await pool.query("SELECT 1")
                await pool.close()
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    private func keywords(_ server: TestServer, host: String? = nil, port: String? = nil) -> String {
        "host=\(host ?? server.host) port=\(port ?? String(server.port)) user=\(server.user) password=\(server.password) dbname=\(server.database)"
    }

    /// A port without a listener.
    private let deadPort = "1"

    @Test("A server is reachable by keywords, by a URL, and through its socket")
    func ways() async throws {
        let server = try await TestServer.shared
        #expect(await connect(PostgresConfiguration.withLongTimeouts(server.url)) == nil)
        #expect(await connect(PostgresConfiguration.withLongTimeouts(keywords(server))) == nil)
        #expect(
            await connect(PostgresConfiguration.withLongTimeouts(keywords(server, host: server.socketFolder))) == nil
        )
        #expect(await connect(PostgresConfiguration.withLongTimeouts(keywords(server, host: "localhost"))) == nil)
    }

    @Test("A wrong password is the server's error, reported at once without the password")
    func wrongPassword() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration.withLongTimeouts(keywords(server))
        configuration.parameters["password"] = "wr0ng-secret"
        let error = try #require(await connect(configuration))
        #expect(error.code == .connectFailed && error.sqlState == .invalidPassword)
        #expect(!"\(error)".contains("wr0ng-secret"))
    }

    @Test("A missing database, a closed port and an unknown name cause different errors")
    func reasons() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration.withLongTimeouts(keywords(server))
        configuration.parameters["dbname"] = "nowhere"
        #expect(await connect(configuration)?.sqlState == .invalidCatalogName)
        let refused = await connect(PostgresConfiguration.withLongTimeouts(keywords(server, port: deadPort)))
        #expect(refused?.code == .connectFailed && refused?.server == nil && refused?.isRetryable == true)
        let unknown = await connect(PostgresConfiguration.withLongTimeouts(keywords(server, host: "nobody.invalid")))
        #expect(unknown?.message.contains("nobody.invalid") == true)
    }

    @Test("Several hosts are tried in order, until one accepts the session")
    func hosts() async throws {
        let server = try await TestServer.shared
        let list = keywords(
            server,
            host: "\(server.host),\(server.host),localhost",
            port: "\(deadPort),\(server.port),\(server.port)"
        )
        #expect(await connect(PostgresConfiguration.withLongTimeouts(list)) == nil)
        let none = await connect(
            PostgresConfiguration.withLongTimeouts(
                keywords(server, host: "127.0.0.1,localhost", port: "\(deadPort),\(deadPort)")
            )
        )
        #expect(none?.code == .connectFailed)
        let uneven = await connect(PostgresConfiguration.withLongTimeouts(keywords(server, host: "a,b,c", port: "1,2")))
        #expect(uneven?.message.contains("as many ports") == true)
    }

    @Test("A host that rejects the password ends the attempt")
    func passwordEndsSearch() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration.withLongTimeouts(
            keywords(server, host: "\(server.host),\(server.host)", port: "\(server.port),\(deadPort)")
        )
        configuration.parameters["password"] = "wrong"
        #expect(await connect(configuration)?.sqlState == .invalidPassword)
    }

    @Test(
        "A server must have the requested attributes",
        arguments: ["any", "read-write", "primary", "prefer-standby", "standby", "read-only"]
    )
    func kinds(_ attributes: String) async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration.withLongTimeouts(keywords(server))
        configuration.parameters["target_session_attrs"] = attributes
        let isReached = await connect(configuration) == nil
        #expect(isReached == !["standby", "read-only"].contains(attributes))
    }

    @Test("The password closure is called for each connection, and its error reaches the caller")
    func passwordClosure() async throws {
        let server = try await TestServer.shared
        let asked = Counted<Int>()
        var configuration = PostgresConfiguration.withLongTimeouts(
            "host=\(server.host) port=\(server.port) user=\(server.user) dbname=\(server.database)"
        )
        configuration.password = {
            asked.add(1)
            return server.password
        }
        let pool = try PostgresPool(configuration)
        try await pool.withConnection { db in
            _ = try await db.query("SELECT 1")
            _ = try await pool.query("SELECT 1")
        }
        #expect(asked.values.count == 2)
        await pool.close()
        configuration.pool.circuitBreakerThreshold = .zero
        configuration.password = { throw Refused() }
        let refusing = try PostgresPool(configuration)
        #expect(await failure { try await refusing.query("SELECT 1") } != nil)
        await refusing.close()
    }

    struct Refused: Error {}

    @Test("The password comes from a password file, and the server from a service file")
    func files() async throws {
        let server = try await TestServer.shared
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let passwords = folder.appending(path: "passwords").path
        #expect(
            FileManager.default.createFile(
                atPath: passwords,
                contents: Data("*:*:*:\(server.user):\(server.password)\n".utf8),
                attributes: [.posixPermissions: 0o600]
            )
        )
        let services = folder.appending(path: "services").path
        let service =
            "# comment\n[other]\nhost=nowhere.invalid\n\n[tested]\nhost=\(server.host)\nport=\(server.port)\nuser=\(server.user)\ndbname=\(server.database)\n[third]\nport=9\n"
        try service.write(toFile: services, atomically: true, encoding: .utf8)
        // No other test reads this variable.
        unsafe setenv("PGSERVICEFILE", services, 1)
        defer { unsafe unsetenv("PGSERVICEFILE") }
        #expect(await connect(PostgresConfiguration.withLongTimeouts("service=tested passfile=\(passwords)")) == nil)
        let missing = await connect(PostgresConfiguration.withLongTimeouts("service=missing passfile=\(passwords)"))
        #expect(missing?.message.contains("missing") == true)
    }

    @Test("A service in the URL replaces PGSERVICE, and PGAPPNAME names a program without a name")
    func environment() async throws {
        let server = try await TestServer.shared
        // In a separate process, because the environment is shared.
        await #expect(processExitsWith: .success) {
            [
                host = server.host as String, port = server.port as Int, user = server.user as String,
                password = server.password as String, database = server.database as String
            ] in
            let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
            let services =
                "[x]\nhost=\(host)\nport=\(port)\nuser=\(user)\ndbname=\(database)\n[y]\noptions=-c lock_timeout=77s\n"
            try services.write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            unsafe setenv("PGSERVICEFILE", file.path, 1)
            unsafe setenv("PGPASSWORD", password, 1)
            unsafe setenv("PGAPPNAME", "by-environment", 1)
            func session(_ configuration: PostgresConfiguration) async throws -> (String, String, String) {
                let pool = try PostgresPool(configuration)
                let session = try await pool.query(
                    "SELECT current_setting('application_name'), current_setting('lock_timeout')",
                    as: (String, String).self
                )[0]
                await pool.close()
                return (session.0, session.1, pool.configuration.pool.name)
            }
            func check(_ value: (String, String, String), _ expected: (String, String, String)) {
                precondition(value == expected, "\(value), not \(expected)")
            }
            unsafe setenv("PGSERVICE", "y", 1)
            var configuration = PostgresConfiguration.withLongTimeouts("service=x")
            try await check(session(configuration), ("by-environment", "0", "by-environment"))
            try await check(
                session(
                    PostgresConfiguration.withLongTimeouts("host=\(host) port=\(port) user=\(user) dbname=\(database)")
                ),
                ("by-environment", "77s", "by-environment")
            )
            configuration.applicationName = "by-program"
            try await check(session(configuration), ("by-program", "0", "by-program"))
            configuration.pool.name = "books"
            try await check(session(configuration), ("by-program", "0", "books"))
            unsafe unsetenv("PGAPPNAME")
            try await check(
                session(PostgresConfiguration.withLongTimeouts("service=x")),
                ("swift-lock-pool", "0", "postgres")
            )
        }
    }

    @Test("The server displays the program's name, and the setup has run")
    func session() async throws {
        try await TestServer.shared.withPool(
            .native,
            name: "named-by-test",
            { $0.setup = ["SET timezone = 'Asia/Tokyo'"] }
        ) { pool in
            try await equal(pool.query("SHOW application_name", as: String.self), ["named-by-test"])
            try await equal(pool.query("SHOW timezone", as: String.self), ["Asia/Tokyo"])
        }
        let error = await postgresFailure {
            try await TestServer.shared.withPool(.native, { $0.setup = ["SET nonsense"] }) { pool in
                _ = try await pool.query("SELECT 1")
            }
        }
        #expect(error?.sqlState == .syntaxError)
    }

    @Test("A black hole among the hosts takes its share of the connect timeout, and the next host is used")
    func silent() async throws {
        let server = try await TestServer.shared
        let silent = try SilentListener()
        var configuration = PostgresConfiguration.withLongTimeouts(
            keywords(server, host: "127.0.0.1,\(server.host)", port: "\(silent.port),\(server.port)")
        )
        // The second attempt must not need its own share.
        configuration.pool.connectTimeout = .seconds(60)
        let error = await connect(configuration)
        #expect(error == nil, "\(error.debugDescription)")
    }

    @Test("A black hole that is the only host is reported before the connect timeout")
    func onlySilent() async throws {
        let server = try await TestServer.shared
        let silent = try SilentListener()
        var configuration = PostgresConfiguration.withLongTimeouts(
            keywords(server, host: "127.0.0.1", port: String(silent.port))
        )
        configuration.pool.connectTimeout = .seconds(20)
        let error = await connect(configuration)
        #expect(error?.code == .connectFailed && error?.isRetryable == true)
        #expect(error?.message.contains("port \(silent.port) did not accept the session within") == true)
        configuration.pool.connectTimeout = .seconds(80_000)
        configuration.addressTimeout = .milliseconds(100)
        #expect(await connect(configuration)?.message.contains("did not accept the session within") == true)
    }

    @Test("The connect timeout is divided evenly, and unused time goes to the other hosts")
    func shares() {
        var time = Connector.TimeShares(end: 1_000, count: 4)
        #expect(time.next(now: 0) == 250)
        #expect(time.next(now: 10) == 340)
        #expect(time.next(now: 340) == 670)
        #expect(time.next(now: 670) == 1_000)
        #expect(time.next(now: 1_010) == 1_000)
    }

    @Test("Attempts to reach an unreachable server repeat until the threshold, and callers then fail at once")
    func unreachable() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration.withLongTimeouts(keywords(server, port: deadPort))
        configuration.pool.initialBackoff = .milliseconds(1)
        configuration.pool.circuitBreakerThreshold = .milliseconds(20)
        // However long an attempt takes on the system's clock, the first one fails before the
        // threshold.
        let clock = ManualClock()
        let pool = try PostgresPool(configuration, clock: clock)
        async let failed = failure { try await pool.query("SELECT 1") }
        await eventually { pool.snapshot.counters.connectFailures >= 1 }
        await clock.advance(inStepsOf: .milliseconds(1)) { pool.snapshot.counters.connectFailures >= 3 }
        await clock.advance(inStepsOf: .milliseconds(1)) { pool.status.waiting == 0 }
        let error = await failed
        let reason = error as? PostgresError
        #expect(reason?.code == .connectFailed && reason?.isRetryable == true, "\(error.debugDescription)")
        // No caller waits for the next attempt.
        configuration.pool.initialBackoff = .seconds(300)
        configuration.pool.maximumBackoff = .seconds(300)
        configuration.pool.circuitBreakerThreshold = .zero
        let refusing = try PostgresPool(configuration)
        for _ in 0..<3 {
            #expect(await postgresFailure { try await refusing.query("SELECT 1") }?.code == .connectFailed)
        }
        #expect(refusing.status.waiting == 0)
        await pool.close()
        await refusing.close()
    }

    @Test("Permanent failures reach the caller of the first attempt")
    func permanent() async throws {
        let server = try await TestServer.shared
        func firstFailure(_ change: (inout PostgresConfiguration) -> Void) async -> PostgresError? {
            var configuration = PostgresConfiguration.withLongTimeouts(keywords(server))
            // A caller that waited for a second attempt would wait for the rest of the day.
            configuration.pool.initialBackoff = .seconds(80_000)
            configuration.pool.maximumBackoff = .seconds(80_000)
            configuration.pool.circuitBreakerThreshold = .seconds(80_000)
            change(&configuration)
            return await postgresFailure { [configuration] in
                let pool = try PostgresPool(configuration)
                let error = await failure { try await pool.query("SELECT 1") }
                await pool.close()
                if let error { throw error }
            }
        }
        #expect(await firstFailure { $0.parameters["password"] = "wrong" }?.sqlState == .invalidPassword)
        #expect(await firstFailure { $0.parameters["dbname"] = "nowhere" }?.sqlState == .invalidCatalogName)
        #expect(await firstFailure { $0.parameters["user"] = "nobody" }?.server?.sqlState.conditionClass == "28")
        #expect(await firstFailure { $0.setup = ["SET nonsense"] }?.sqlState == .syntaxError)
        #expect(await firstFailure { $0.parameters["service"] = "missing" }?.message.contains("missing") == true)
        let stranger = await firstFailure {
            $0.parameters["sslmode"] = "verify-ca"
            $0.parameters["sslrootcert"] = server.strangerAuthority
        }
        #expect(stranger?.message.contains("certificate verify failed") == true)
    }

    @Test("libpq's texts of permanent and of passing failures are distinguished")
    func lasting() {
        #expect(Connector.isPermanent("SSL error: certificate verify failed"))
        #expect(Connector.isPermanent("fe_sendauth: no password supplied"))
        #expect(Connector.isPermanent("server does not support SSL, but SSL was required"))
        #expect(!Connector.isPermanent("SSL SYSCALL error: Connection reset by peer"))
        #expect(!Connector.isPermanent("SSL connection has been closed unexpectedly"))
        #expect(!Connector.isPermanent("server closed the connection unexpectedly"))
        #expect(!Connector.isPermanent("connection to server at \"h\", port 1 failed: Connection refused"))
        #expect(!Connector.isPermanent("session is read-only"))
    }

    @Test("Neither a configuration nor a pool's error contains a password")
    func secrets() async throws {
        let configuration = PostgresConfiguration("postgres://u:t0psecret@localhost:1/d")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("t0psecret"))
        }
        let error = await connect(configuration)
        #expect(error != nil && !"\(error!)".contains("t0psecret"))
        let invalid = await postgresFailure { try PostgresPool("nonsense=t0psecret") }
        #expect(invalid?.code == .invalidConfiguration && !"\(invalid!)".contains("t0psecret"))
    }

    @Test("An invalid configuration fails with the name of its field")
    func validation() async throws {
        func message(_ change: (inout PostgresConfiguration) -> Void) async -> String {
            var configuration = PostgresConfiguration()
            change(&configuration)
            return await postgresFailure { try PostgresPool(configuration) }?.message ?? ""
        }
        #expect(await message { $0.pool.maximumConnections = 0 }.contains("maximumConnections"))
        #expect(await message { $0.pool.maximumWaiters = 0 }.contains("maximumWaiters"))
        #expect(await message { $0.pool.connectTimeout = .zero }.contains("connectTimeout"))
        #expect(await message { $0.addressTimeout = .zero }.contains("addressTimeout"))
        #expect(await message { $0.statementTimeout = .seconds(-1) }.contains("statementTimeout"))
        #expect(await message { $0.pool.resetTimeout = .zero }.contains("resetTimeout"))
        #expect(await message { $0.statementCacheCapacity = -1 }.contains("statementCacheCapacity"))
        #expect(await message { $0.pool.checkoutTimeout = .seconds(-1) }.contains("checkoutTimeout"))
    }

    @Test("The code and the message of a refusal are found in libpq's text")
    func texts() {
        let text =
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user \"x: y\"\nLOCATION:  auth_failed, auth.c:338\n"
        let fields = Connector.serverFields(in: text)
        #expect(fields?.sqlState == .invalidPassword)
        #expect(fields?.message == "password authentication failed for user \"x: y\"")
        #expect(
            Connector.serverFields(in: "connection to server at \"h\", port 54321 failed: Connection refused") == nil
        )
    }
}

/// A socket that accepts connections and sends nothing.
final class SilentListener: Sendable {
    let port: Int
    let descriptor: Int32

    init() throws {
        (descriptor, port) = try listenOnLoopback()
    }

    deinit { close(descriptor) }
}
