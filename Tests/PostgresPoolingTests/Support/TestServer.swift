// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A PostgreSQL server for the tests, from `Scripts/postgres`. It ends with the process of the
/// tests, however that ends.
final class TestServer: Sendable {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    enum Certificate: String {
        /// For `localhost`, `127.0.0.1` and `::1`.
        case right
        case expired
        /// For `other.example`.
        case wrongname
    }

    enum Signal: String {
        case stop = "STOP"
        case `continue` = "CONT"
        case kill = "KILL"
    }

    /// With the password, through `host`.
    let url: String
    let host: String
    let port: Int
    let user: String
    let password: String
    let database: String
    let folder: String

    /// The folder of the Unix socket, in place of a host.
    var socketFolder: String { folder }
    /// The authority that has signed each ``Certificate``.
    var authority: String { folder + "/ca.crt" }
    /// An authority that has signed nothing.
    var strangerAuthority: String { folder + "/stranger-ca.crt" }

    /// The server for tests that do not disturb it, started by the first test that needs it.
    /// Concurrent tests share it: each needs names of its own.
    static var shared: TestServer {
        get async throws { try await starting.value }
    }

    /// With room for the sessions of all tests: they run concurrently, and some have large pools.
    private static let starting = Task { try await TestServer(maxConnections: 500) }

    /// Starts a server for one test, which must stop it; see
    /// ``withServer(maxConnections:settings:rules:_:)``.
    ///
    /// - Parameter rules: Lines for `pg_hba.conf`, before those that require a password.
    init(maxConnections: Int? = nil, settings: [String: String] = [:], rules: [String] = []) async throws {
        // Short, because the length of a socket's path is limited.
        let folder = FileManager.default.temporaryDirectory.appending(path: "lockpool-\(UUID().uuidString.prefix(8))")
            .path
        var arguments = ["--watch", String(getpid())]
        if let maxConnections { arguments += ["--max-connections", String(maxConnections)] }
        for (name, value) in settings { arguments += ["--set", "\(name)=\(value)"] }
        for rule in rules { arguments += ["--hba", rule] }
        let url = try await Self.succeed("start", arguments, folder: folder)
        guard
            let parts = URLComponents(string: url), let host = parts.host, let port = parts.port,
            let user = parts.user, let password = parts.password
        else {
            throw Failed(description: "Scripts/postgres start has printed something else than a URL")
        }
        self.url = url
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = String(parts.path.dropFirst())
        self.folder = folder
    }

    /// Stops the server and removes its folder.
    func stop() async throws {
        try await succeed("stop")
    }

    /// Ends all sessions and restarts the server, on its port and with its data. Also after
    /// ``killHard()``.
    func restart() async throws {
        try await succeed("restart")
    }

    /// Sends a signal to the server and each of its processes. After ``Signal/kill`` they have
    /// ended on return.
    func signal(_ signal: Signal) async throws {
        try await succeed("signal", [signal.rawValue])
    }

    /// Ends the server without notifying its clients, and returns when it has ended.
    func killHard() async throws {
        try await signal(.kill)
    }

    /// Presents another certificate to connections that begin after the return.
    func tls(_ certificate: Certificate) async throws {
        try await succeed("tls", [certificate.rawValue])
    }

    /// Returns the result of statements in `psql`'s unaligned format: one row per line, columns
    /// separated by `|`.
    ///
    /// - Parameter connection: Variables of libpq, such as `PGUSER`, that replace the superuser
    ///   through the Unix socket.
    @discardableResult func psql(_ sql: String, connection: [String: String] = [:]) async throws -> String {
        var environment: [String: String?] = [:]
        for name in ProcessInfo.processInfo.environment.keys where name.hasPrefix("PG") {
            environment[name] = .some(nil)
        }
        environment["PGHOST"] = socketFolder
        environment["PGPORT"] = String(port)
        environment["PGUSER"] = user
        environment["PGPASSWORD"] = password
        environment["PGDATABASE"] = database
        environment["PGCONNECT_TIMEOUT"] = "60"
        for (name, value) in connection { environment[name] = value }
        let outcome = try await ChildProcess.run(
            folder + "/bin/psql",
            ["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", sql],
            environment: environment
        )
        guard outcome.exitCode == 0 else { throw Failed(description: "psql: " + outcome.errors) }
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    /// The number of client sessions on the server, except the one that asks.
    func backendCount(user: String? = nil, applicationName: String? = nil) async throws -> Int {
        func quoted(_ text: String) -> String { "'" + text.replacingOccurrences(of: "'", with: "''") + "'" }
        var condition = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        if let user { condition += " AND usename = \(quoted(user))" }
        if let applicationName { condition += " AND application_name = \(quoted(applicationName))" }
        let count = try await psql("SELECT count(*) FROM pg_stat_activity WHERE \(condition)")
        guard let count = Int(count) else { throw Failed(description: "not a number: \(count)") }
        return count
    }

    @discardableResult private func succeed(_ command: String, _ arguments: [String] = []) async throws -> String {
        try await Self.succeed(command, arguments, folder: folder)
    }

    private static func succeed(_ command: String, _ arguments: [String], folder: String) async throws -> String {
        try await ServerScript.postgres.succeed([command] + arguments + ["--folder", folder])
    }
}

/// Provides a separate server that `body` may disturb, and stops it afterwards.
func withServer(
    maxConnections: Int? = nil,
    settings: [String: String] = [:],
    rules: [String] = [],
    _ body: (TestServer) async throws -> Void
) async throws {
    let server = try await TestServer(maxConnections: maxConnections, settings: settings, rules: rules)
    do {
        try await body(server)
    } catch {
        try await server.stop()
        throw error
    }
    try await server.stop()
}
