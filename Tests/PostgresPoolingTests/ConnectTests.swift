// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PostgresPooling

@Suite struct ConnectTests {
    /// Whether a pool with this configuration can run a statement.
    private func connect(_ configuration: PostgresConfiguration) async -> PostgresError? {
        var configuration = configuration
        configuration.checkoutTimeout = .seconds(300)
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

    /// A port that nobody listens on.
    private let deadPort = "1"

    @Test("A server is reached by keywords, by a URL, and through its socket")
    func ways() async throws {
        let server = try await TestServer.shared
        #expect(await connect(PostgresConfiguration(server.url)) == nil)
        #expect(await connect(PostgresConfiguration(keywords(server))) == nil)
        #expect(await connect(PostgresConfiguration(keywords(server, host: server.socketFolder))) == nil)
        #expect(await connect(PostgresConfiguration(keywords(server, host: "localhost"))) == nil)
    }

    @Test("A wrong password is the server's error, at once, and is not shown")
    func wrongPassword() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration(keywords(server))
        configuration.parameters["password"] = "wr0ng-secret"
        let error = try #require(await connect(configuration))
        #expect(error.code == .connectFailed && error.sqlState == .invalidPassword)
        #expect(!"\(error)".contains("wr0ng-secret"))
    }

    @Test("A database that does not exist, a port that nobody listens on and a name that nobody has are told apart")
    func reasons() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration(keywords(server))
        configuration.parameters["dbname"] = "nowhere"
        #expect(await connect(configuration)?.sqlState == .invalidCatalogName)
        let refused = await connect(PostgresConfiguration(keywords(server, port: deadPort)))
        #expect(refused?.code == .connectFailed && refused?.server == nil && refused?.isRetryable == true)
        let unknown = await connect(PostgresConfiguration(keywords(server, host: "nobody.invalid")))
        #expect(unknown?.message.contains("nobody.invalid") == true)
    }

    @Test("Several hosts are tried in their order, until one lets us in")
    func hosts() async throws {
        let server = try await TestServer.shared
        let list = keywords(
            server,
            host: "\(server.host),\(server.host),localhost",
            port: "\(deadPort),\(server.port),\(server.port)"
        )
        #expect(await connect(PostgresConfiguration(list)) == nil)
        let none = await connect(
            PostgresConfiguration(keywords(server, host: "127.0.0.1,localhost", port: "\(deadPort),\(deadPort)"))
        )
        #expect(none?.code == .connectFailed)
        let uneven = await connect(PostgresConfiguration(keywords(server, host: "a,b,c", port: "1,2")))
        #expect(uneven?.message.contains("as many ports") == true)
    }

    @Test("A host that refuses the password ends the search")
    func passwordEndsSearch() async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration(
            keywords(server, host: "\(server.host),\(server.host)", port: "\(server.port),\(deadPort)")
        )
        configuration.parameters["password"] = "wrong"
        #expect(await connect(configuration)?.sqlState == .invalidPassword)
    }

    @Test(
        "A server has to be of the kind that is asked for",
        arguments: ["any", "read-write", "primary", "prefer-standby", "standby", "read-only"]
    )
    func kinds(_ attributes: String) async throws {
        let server = try await TestServer.shared
        var configuration = PostgresConfiguration(keywords(server))
        configuration.parameters["target_session_attrs"] = attributes
        let isReached = await connect(configuration) == nil
        #expect(isReached == !["standby", "read-only"].contains(attributes))
    }

    @Test("The password is asked for at each connect, and its failure is the caller's error")
    func passwordClosure() async throws {
        let server = try await TestServer.shared
        let asked = Counted<Int>()
        var configuration = PostgresConfiguration(
            "host=\(server.host) port=\(server.port) user=\(server.user) dbname=\(server.database)"
        )
        configuration.checkoutTimeout = .seconds(300)
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
        configuration.password = { throw Refused() }
        let refusing = try PostgresPool(configuration)
        #expect(await failure { try await refusing.query("SELECT 1") } != nil)
        await refusing.close()
    }

    struct Refused: Error {}

    @Test("The password is found in a password file, and the server in a service file")
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
        // Nobody else here reads this variable.
        unsafe setenv("PGSERVICEFILE", services, 1)
        defer { unsafe unsetenv("PGSERVICEFILE") }
        #expect(await connect(PostgresConfiguration("service=tested passfile=\(passwords)")) == nil)
        let missing = await connect(PostgresConfiguration("service=missing passfile=\(passwords)"))
        #expect(missing?.message.contains("missing") == true)
    }

    @Test("The server shows the program's name, and the setup has been run")
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

    @Test("A server that accepts and never answers is given up after its time, and the next host is tried")
    func silent() async throws {
        let server = try await TestServer.shared
        let silent = try SilentListener()
        var configuration = PostgresConfiguration(
            keywords(server, host: "127.0.0.1,\(server.host)", port: "\(silent.port),\(server.port)")
        )
        // Each host has as long, and the second must not need it.
        configuration.connectTimeout = .seconds(5)
        #expect(await connect(configuration) == nil)
    }

    @Test("Neither a configuration nor a pool's error shows a password")
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

    @Test("A configuration that makes no sense is refused, by the name of its field")
    func validation() async throws {
        func message(_ change: (inout PostgresConfiguration) -> Void) async -> String {
            var configuration = PostgresConfiguration()
            change(&configuration)
            return await postgresFailure { try PostgresPool(configuration) }?.message ?? ""
        }
        #expect(await message { $0.maximumConnections = 0 }.contains("maximumConnections"))
        #expect(await message { $0.maximumWaiters = 0 }.contains("maximumWaiters"))
        #expect(await message { $0.connectTimeout = .zero }.contains("connectTimeout"))
        #expect(await message { $0.statementTimeout = .seconds(-1) }.contains("statementTimeout"))
        #expect(await message { $0.recoveryTimeout = .zero }.contains("recoveryTimeout"))
        #expect(await message { $0.statementCacheCapacity = -1 }.contains("statementCacheCapacity"))
        #expect(await message { $0.checkoutTimeout = .seconds(-1) }.contains("checkoutTimeout"))
    }

    @Test("The code and the words of a refusal are found in libpq's text")
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

/// A socket that accepts connections and says nothing.
final class SilentListener: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard result else { throw POSIXError(.EADDRINUSE) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}
