// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The validated options of a run, with its parsed statements.
public struct BenchmarkPlan: Sendable {
    /// The maximum number of clients.
    public static let maximumClients = 100_000
    /// The maximum number of connections. Each has a thread in SQLite, and a process in
    /// PostgreSQL.
    public static let maximumConnections = 256
    /// The maximum duration in seconds: a day.
    public static let maximumSeconds = 86_400.0

    /// The statement that every client runs.
    public let read: StatementTemplate
    /// The statement that every client runs in a separate transaction after each read.
    public let write: StatementTemplate?
    /// The number of clients, each of which is a task.
    public let clients: Int
    /// The maximum number of connections that reads share.
    public let connections: Int
    /// Whether the clients run on the thread that receives a server's answers. Ignored for a
    /// SQLite file.
    public let isOnOneThread: Bool
    /// The duration of the run.
    public let duration: Duration

    /// Validates everything that can be validated without the database.
    ///
    /// - Throws: CommandFailure of kind `usage`, which names the option.
    public init(
        sql: String,
        writeSQL: String?,
        dialect: SQLDialect = .sqlite,
        clients: Int,
        connections: Int,
        isOnOneThread: Bool = false,
        seconds: Double
    ) throws(CommandFailure) {
        guard (1...Self.maximumClients).contains(clients) else {
            throw .usage("--clients is \(clients), but must be from 1 to \(Self.maximumClients)")
        }
        guard (1...Self.maximumConnections).contains(connections) else {
            throw .usage("--connections is \(connections), but must be from 1 to \(Self.maximumConnections)")
        }
        // NaN fails every comparison, so it is rejected here, too.
        guard seconds > 0, seconds <= Self.maximumSeconds else {
            throw .usage(
                "--duration is \(seconds) seconds, but must be more than 0 and at most \(Int(Self.maximumSeconds))"
            )
        }
        self.read = try Self.template(sql, dialect, option: "--sql")
        if let writeSQL {
            self.write = try Self.template(writeSQL, dialect, option: "--write-sql")
        } else {
            self.write = nil
        }
        self.clients = clients
        self.connections = connections
        self.isOnOneThread = isOnOneThread
        self.duration = .seconds(seconds)
    }

    private static func template(
        _ text: String,
        _ dialect: SQLDialect,
        option: String
    ) throws(CommandFailure) -> StatementTemplate {
        do throws(CommandFailure) {
            return try StatementTemplate(text, in: dialect)
        } catch {
            throw .usage("\(option): \(error)")
        }
    }
}
