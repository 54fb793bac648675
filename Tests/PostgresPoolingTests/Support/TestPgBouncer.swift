// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport

@testable import PostgresPooling

/// A PgBouncer for a server of the tests, from `Scripts/pgbouncer`. It ends with the process of
/// the tests, however that ends.
struct TestPgBouncer: Sendable {
    /// Its pool mode.
    enum Mode: String, CaseIterable, Sendable {
        case session, transaction, statement
    }

    /// The program, and whether it tracks prepared statements.
    enum Version: CaseIterable, Sendable {
        #if os(Linux)
            static let allCases: [Version] = [.system, .following, .ignoring]
        #else
            // The others are built from Debian's source packages.
            static let allCases: [Version] = [.system]
        #endif

        /// The version of Debian 12: 1.18, which tracks none.
        case system
        /// The version of Debian 13, 1.24, which can track them.
        case following
        /// The same version, with tracking disabled.
        case ignoring
    }

    let configuration: PostgresConfiguration
    let version: Version
    private let folder: String

    init(_ mode: Mode, _ version: Version, server: TestServer, settings: [String: String]) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
            .path
        var arguments = [
            "start", "--server", server.folder, "--folder", folder, "--mode", mode.rawValue, "--watch", "\(getpid())",
        ]
        if version != .system {
            let program = try await ServerScript.pgbouncer.succeed(["build", "trixie"])
            let statements = version == .following ? 100 : 0
            arguments += ["--program", program, "--set", "max_prepared_statements=\(statements)"]
        }
        for (name, value) in settings { arguments += ["--set", "\(name)=\(value)"] }
        var configuration = PostgresConfiguration.withLongTimeouts(try await ServerScript.pgbouncer.succeed(arguments))
        configuration.parameters["password"] = server.password
        configuration.pool.maximumConnections = 4
        self.configuration = configuration
        self.version = version
        self.folder = folder
    }

    func stop() async throws { _ = try await ServerScript.pgbouncer.succeed(["stop", "--folder", folder]) }

    /// Provides a pool of four connections through it.
    func withPool<Value>(
        _ configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        var configuration = configuration
        configure(&configuration)
        let pool = try PostgresPool(configuration)
        do {
            let value = try await body(pool)
            await pool.close()
            return value
        } catch {
            await pool.close()
            throw error
        }
    }
}

extension TestServer {
    /// Provides a PgBouncer for this server, with two of the server's sessions, and stops it
    /// afterwards.
    func withPgBouncer(
        _ mode: TestPgBouncer.Mode,
        _ version: TestPgBouncer.Version = .system,
        settings: [String: String] = ["default_pool_size": "2"],
        _ body: (TestPgBouncer) async throws -> Void
    ) async throws {
        let bouncer = try await TestPgBouncer(mode, version, server: self, settings: settings)
        do {
            try await body(bouncer)
        } catch {
            try await bouncer.stop()
            throw error
        }
        try await bouncer.stop()
    }
}
