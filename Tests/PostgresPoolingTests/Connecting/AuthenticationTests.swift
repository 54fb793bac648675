// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Testing

@testable import PostgresPooling

/// The credentials that a pool sends to a server that may be an impostor.
@Suite(.timeLimit(.minutes(10))) struct AuthenticationTests {
    private func connect(_ server: String, _ parameters: [String: String] = [:]) async -> PostgresError? {
        var configuration = PostgresConfiguration.withLongTimeouts(server)
        configuration.parameters = parameters
        configuration.pool.circuitBreakerThreshold = .zero
        return await postgresFailure { [configuration] in
            let pool = try PostgresPool(configuration)
            let error = await failure { try await pool.query("SELECT 1") }
            await pool.close()
            if let error { throw error }
        }
    }

    private static let secret = "hunter2-secret"

    /// Authentication requests.
    private enum Request {
        static let clearText: [UInt8] = [UInt8(ascii: "R"), 0, 0, 0, 8, 0, 0, 0, 3]
        static let digest: [UInt8] = [UInt8(ascii: "R"), 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4]
        static let scram: [UInt8] =
            [UInt8(ascii: "R"), 0, 0, 0, 23, 0, 0, 0, 10] + Array("SCRAM-SHA-256".utf8) + [0, 0]
        static let none: [UInt8] = [UInt8(ascii: "R"), 0, 0, 0, 8, 0, 0, 0, 0]
    }

    /// An error without fields, which ends the attempt.
    private static let refusal: [UInt8] = [UInt8(ascii: "E"), 0, 0, 0, 5, 0]

    @Test(
        "An impostor that asks for a clear-text password or a digest receives nothing, in however many pieces it asks"
    )
    func impostor() async throws {
        let scripts: [([[UInt8]], String)] = [
            ([Request.clearText], "clear text"), ([Request.digest], "MD5 digest"),
            ([Array(Request.clearText.prefix(3)), Array(Request.clearText.dropFirst(3))], "clear text"),
            ([Array(Request.digest.prefix(6)), Array(Request.digest.dropFirst(6))], "MD5 digest"),
            // libpq would answer both at once.
            ([Request.scram + Request.clearText], "before the authentication request is answered"),
            ([Request.scram, Request.clearText], "clear text"), ([Request.scram, Request.none], "does not prove"),
        ]
        for (script, reason) in scripts {
            let server = try ReplayServer(script)
            let address = "host=127.0.0.1 port=\(server.port) user=u password=\(Self.secret) dbname=d"
            let error = await connect(address)
            #expect(
                error?.code == .connectFailed && error?.message.contains(reason) == true,
                "\(error.debugDescription)"
            )
            #expect(error?.isRetryable == false && !"\(error!)".contains(Self.secret))
            let received = await server.received
            #expect(!String(decoding: received, as: UTF8.self).contains(Self.secret))
            #expect(!String(decoding: received, as: UTF8.self).contains("md5"))
        }
    }

    @Test("Methods that require_auth names are used, and others are not")
    func required() async throws {
        // The refusal ends the attempt. Otherwise the client would wait for an answer to the
        // password until its deadline.
        let allowed = try ReplayServer([Request.clearText, Self.refusal])
        _ = await connect(
            "host=127.0.0.1 port=\(allowed.port) user=u password=\(Self.secret) require_auth=password,scram-sha-256"
        )
        #expect(await String(decoding: allowed.received, as: UTF8.self).contains(Self.secret))
        for (request, methods, reason) in [
            (Request.clearText, "scram-sha-256", "clear text, which require_auth excludes"),
            (Request.none, "scram-sha-256", "no authentication, which require_auth excludes"),
            (Request.scram, "!scram-sha-256", "scram-sha-256, which require_auth excludes"),
        ] {
            let server = try ReplayServer([request])
            let error = await connect(
                "postgres://u:\(Self.secret)@127.0.0.1:\(server.port)/d?require_auth=\(methods)"
            )
            #expect(error?.message.contains(reason) == true, "\(error.debugDescription)")
            #expect(await !String(decoding: server.received, as: UTF8.self).contains(Self.secret))
        }
    }

    @Test(
        "Requests for a clear-text password or a digest fail with and without TLS, unless the server's certificate is verified"
    )
    func realServer() async throws {
        let rules = [
            "local all clear password", "host all clear all password", "host all digest all md5",
            "host all open all trust",
        ]
        try await withServer(rules: rules) { server in
            try await server.psql(
                """
                CREATE ROLE clear LOGIN PASSWORD '\(Self.secret)'; CREATE ROLE open LOGIN;
                SET password_encryption = 'md5'; CREATE ROLE digest LOGIN PASSWORD '\(Self.secret)'
                """
            )
            func address(_ user: String, host: String = "localhost") -> String {
                "host=\(host) port=\(server.port) user=\(user) password=\(Self.secret) dbname=\(server.database)"
            }
            let verifying = ["sslmode": "verify-full", "sslrootcert": server.authority]
            for (user, reason, method) in [("clear", "clear text", "password"), ("digest", "MD5 digest", "md5")] {
                for mode in ["disable", "prefer", "require"] {
                    let error = await connect(address(user), ["sslmode": mode])
                    #expect(error?.message.contains(reason) == true, "\(mode): \(error.debugDescription)")
                    #expect(await connect(address(user), ["sslmode": mode, "require_auth": method]) == nil)
                }
                #expect(await connect(address(user), verifying) == nil)
                let excluded = await connect(address(user), verifying.merging(["require_auth": "scram-sha-256"]) { $1 })
                #expect(excluded?.message.contains("require_auth excludes") == true)
            }
            #expect(await connect(address("clear", host: server.socketFolder))?.message.contains("clear text") == true)
            for mode in ["disable", "require"] {
                #expect(await connect(address("open"), ["sslmode": mode]) == nil)
                let scram = ["sslmode": mode, "require_auth": "scram-sha-256"]
                #expect(await connect(address("open"), scram)?.message.contains("no authentication") == true)
                #expect(await connect(server.url, scram) == nil)
            }
        }
    }

    @Test("The address alone decides whether a server without a certificate is accepted")
    func addresses() throws {
        func encryption(_ host: String?, _ address: String?) throws -> String? {
            try Connector.encryption(
                for: Connector.Target(host: host, address: address, port: "5432"),
                ConnectParameters(parsing: "")
            )
        }
        for host in [nil, "localhost", "127.0.0.1", "::1", "/run/postgresql", "db.example.com"] as [String?] {
            for address in ["192.0.2.2", "::2", "2001:db8::1", "::ffff:192.0.2.2", "nonsense", "127.0.0.1.example.com"]
            {
                #expect(try encryption(host, address) == "verify-full", "\(host ?? "-") \(address)")
            }
        }
        for address in ["127.0.0.1", "127.8.8.8", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"] {
            #expect(try encryption("localhost", address) == nil && encryption(nil, address) == nil)
            #expect(try encryption("/run/postgresql", address) == nil)
            #expect(try encryption("db.example.com", address) == "verify-full")
        }
    }

    @Test("PGHOSTADDR next to a local host requires a certificate of the server")
    func environment() async {
        // In a separate process, because the environment is shared.
        await #expect(processExitsWith: .success) {
            unsafe setenv("PGHOSTADDR", "192.0.2.2", 1)
            for text in ["host=localhost", "host=/run/postgresql", ""] {
                var parameters = try ConnectParameters(parsing: text)
                try parameters.addDefaults()
                let targets = try Connector(server: parameters, addressTimeout: nil, deadline: 0).hosts(of: parameters)
                precondition(targets.map { Connector.encryption(for: $0, parameters) } == ["verify-full"])
            }
            unsafe setenv("PGSSLMODE", "", 1)
            var empty = try ConnectParameters(parsing: "host=db.example.com")
            empty["sslmode"] = ""
            try empty.addDefaults()
            precondition(Connector.encryption(for: .init(host: "db.example.com", port: "5432"), empty) == "verify-full")
            unsafe setenv("PGREQUIREAUTH", "scram-sha-256", 1)
            var parameters = try ConnectParameters(parsing: "")
            try parameters.addDefaults()
            precondition(parameters["require_auth"] == "scram-sha-256")
            parameters["require_auth"] = "scram"
            do throws(PostgresError) {
                _ = try AuthenticationGate(&parameters)
                preconditionFailure("a list that is none was taken")
            } catch {
                precondition(error.code == .invalidConfiguration)
            }
        }
    }

    @Test("Lists of methods parse as in libpq")
    func lists() {
        #expect(AuthenticationPolicy(parsing: "md5,scram-sha-256")?.allowed == [.md5, .scram])
        #expect(AuthenticationPolicy(parsing: "!password,!md5") == .guarded)
        for text in ["", "md5,", "md5,!none", "!md5,none", "md5,md5", "scram", "! md5", "md5, none"] {
            #expect(AuthenticationPolicy(parsing: text) == nil)
        }
    }

    @Test("Messages are found in records, however they are divided")
    func records() {
        func verdict(_ records: [[UInt8]], _ policy: AuthenticationPolicy = .guarded) -> Bool {
            var gate = AuthenticationGate(required: nil, verifiesServer: false)
            return records.allSatisfy {
                if case .refused = gate.check($0, policy, isRecord: true) { false } else { true }
            }
        }
        let both = Request.scram + Request.clearText
        for split in 0...both.count { #expect(!verdict([Array(both[..<split]), Array(both[split...])])) }
        for split in 0...Request.scram.count {
            #expect(verdict([Array(Request.scram[..<split]), Array(Request.scram[split...])]))
        }
        #expect(!verdict(Request.digest.map { [$0] }))
        #expect(verdict([Request.none]) && verdict([Request.clearText], .any))
    }
}

/// A server that sends scripted replies, each after the client's next message, and records what it
/// receives.
private final class ReplayServer: Sendable {
    let port: Int
    private let hearing: Task<[UInt8], Never>

    /// The bytes that the client has sent before it closed the connection.
    var received: [UInt8] { get async { await hearing.value } }

    init(_ script: [[UInt8]]) throws {
        let (listener, port) = try listenOnLoopback()
        self.port = port
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        Thread {
            let client = accept(listener, nil, nil)
            close(listener)
            var (heard, rest): ([UInt8], ArraySlice<[UInt8]>) = ([], script[...])
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = unsafe read(client, &buffer, buffer.count)
                if count <= 0 { break }
                heard += buffer[..<count]
                // A request for TLS has eight bytes.
                if count == 8 {
                    _ = unsafe send(client, "N", 1, Int32(MSG_NOSIGNAL))
                    continue
                }
                var isPiece = true
                while isPiece, let part = rest.popFirst() {
                    _ = unsafe send(client, part, part.count, Int32(MSG_NOSIGNAL))
                    // The beginning of a message whose rest the client does not request.
                    isPiece = part.count < 8
                    if isPiece { usleep(20_000) }
                }
            }
            close(client)
            continuation.yield(heard)
            continuation.finish()
        }.start()
        hearing = Task { await stream.first { _ in true } ?? [] }
    }
}
