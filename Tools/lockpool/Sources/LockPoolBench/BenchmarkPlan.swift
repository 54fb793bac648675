// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a run is to do: every figure in range, every statement read.
public struct BenchmarkPlan: Sendable {
    /// The most clients that a run can have.
    public static let maximumClients = 100_000
    /// The most connections that a run can have. In SQLite each has a thread, in PostgreSQL a process.
    public static let maximumConnections = 256
    /// The longest run, in seconds: a day.
    public static let maximumSeconds = 86_400.0

    /// The statement that every client runs.
    public let read: StatementTemplate
    /// The statement that every client runs in a transaction of its own after each read.
    public let write: StatementTemplate?
    /// The number of tasks that take turns.
    public let clients: Int
    /// The number of connections that reads share at most.
    public let connections: Int
    /// Whether the clients are on one thread with the answers of a server. Nothing to an SQLite file.
    public let isOnOneThread: Bool
    /// How long it runs.
    public let duration: Duration

    /// Checks everything that can be checked without the database.
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
        // A comparison with what is not a number is false, so that it ends here too.
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
