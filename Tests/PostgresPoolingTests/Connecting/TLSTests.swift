// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PostgresPooling

@Suite(.timeLimit(.minutes(10))) struct TLSTests {
    private func connect(_ server: TestServer, host: String, _ parameters: [String: String]) async -> (
        error: PostgresError?, isEncrypted: Bool?
    ) {
        var configuration = PostgresConfiguration.withLongTimeouts(
            "host=\(host) port=\(server.port) user=\(server.user) password=\(server.password) dbname=\(server.database)"
        )
        configuration.parameters = parameters
        guard let pool = try? PostgresPool(configuration) else { return (nil, nil) }
        do {
            let isEncrypted = try await pool.withConnection { $0.isEncrypted }
            await pool.close()
            return (nil, isEncrypted)
        } catch {
            await pool.close()
            return (error as? PostgresError, nil)
        }
    }

    @Test(
        "A certificate is accepted if it is valid, and rejected if it is expired, for another name, or of an unknown authority"
    )
    func certificates() async throws {
        try await withServer { server in
            let verifying = ["sslmode": "verify-full", "sslrootcert": server.authority]
            let right = await connect(server, host: "localhost", verifying)
            #expect(right.isEncrypted == true, "\(right.error.debugDescription)")
            let stranger = await connect(
                server,
                host: "localhost",
                ["sslmode": "verify-full", "sslrootcert": server.strangerAuthority]
            )
            #expect(stranger.error?.message.contains("certificate verify failed") == true)
            try await server.tls(.expired)
            let expired = await connect(server, host: "localhost", verifying)
            #expect(expired.error?.message.contains("certificate verify failed") == true)
            try await server.tls(.wrongname)
            let wrongName = await connect(server, host: "localhost", verifying)
            #expect(wrongName.error?.message.contains("does not match host name") == true)
            try await server.tls(.right)
            #expect(await connect(server, host: "localhost", verifying).isEncrypted == true)
        }
    }

    @Test("Queries and streams work over TLS, with answers larger than a record", arguments: PollerKind.allCases)
    func queries(_ poller: PollerKind) async throws {
        let server = try await TestServer.shared
        try await server.withPool(poller, { $0.parameters["sslmode"] = "require" }) { pool in
            try await pool.withConnection { db in
                equal(db.isEncrypted, true)
                let text = String(repeating: "abcdefgh", count: 1 << 17)
                try await equal(db.query("SELECT \(text)", as: String.self), [text])
                var count = 0
                for try await row in db.stream("SELECT n, repeat('z', 3000) FROM generate_series(1, 3000) AS n") {
                    count += 1
                    try equal(row.decode(Int.self, at: 0), count)
                }
                #expect(count == 3_000)
            }
        }
    }

    @Test("A host that is not local requires a valid certificate, unless the caller specifies otherwise")
    func remoteHosts() throws {
        func isLocal(_ host: String?, address: String? = nil) -> Bool {
            Connector.isLocal(Connector.Target(host: host, address: address, port: "5432"))
        }
        #expect(
            isLocal(nil) && isLocal("/run/postgresql") && isLocal("localhost") && isLocal("127.0.0.1") && isLocal("::1")
        )
        #expect(
            !isLocal("db.example.com") && !isLocal(nil, address: "10.0.0.1") && !isLocal("localhost.example.com")
                && !isLocal("127.example.com")
        )
        var said = try ConnectParameters(parsing: "host=db.example.com")
        #expect(
            Connector.encryption(for: Connector.Target(host: "db.example.com", port: "5432"), said) == "verify-full"
        )
        #expect(Connector.encryption(for: Connector.Target(host: "localhost", port: "5432"), said) == nil)
        said["sslmode"] = "disable"
        try said.addDefaults()
        #expect(Connector.encryption(for: Connector.Target(host: "db.example.com", port: "5432"), said) == "disable")
    }
}
