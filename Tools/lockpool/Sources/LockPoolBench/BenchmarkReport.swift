// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The results of a run.
public struct BenchmarkReport: Sendable, Hashable {
    /// The reason why a run ended.
    public enum Ending: String, Sendable, Hashable, Codable {
        /// The duration of the plan has passed.
        case duration
        /// The user pressed Ctrl-C.
        case interrupt = "SIGINT"
        /// The system requested termination.
        case termination = "SIGTERM"
    }

    /// The numbers of turns of the clients. A turn is one read, and the write that follows it if
    /// there is one.
    public struct Turns: Sendable, Hashable, Codable {
        /// The most turns of a client.
        public var luckiest: Int
        /// The fewest turns of a client.
        public var unluckiest: Int
    }

    /// An error and its number of occurrences.
    public struct Failure: Sendable, Hashable, Codable {
        /// The error message.
        public var message: String
        /// The number of turns that failed with it.
        public var count: Int
    }

    /// The database system.
    public var system: String
    /// The version of the system, if it is known.
    public var systemVersion: String?
    /// The path of the database file, or the name of the database and the address of its server.
    public var database: String
    /// The statement that every client runs.
    public var sql: String
    /// The statement that every client runs in a separate transaction after each read.
    public var writeSQL: String?
    /// The number of clients.
    public var clients: Int
    /// The maximum number of connections that reads share.
    public var connections: Int
    /// Whether the clients ran on the thread that receives the server's answers.
    public var isOnOneThread: Bool
    /// The time from the first checkout to the last answer.
    public var elapsedSeconds: Double
    /// The reason why the run ended.
    public var ending: Ending
    /// The number of checkouts that got a connection.
    public var checkouts: Int
    /// The number of rows that the statements returned.
    public var rows: Int
    /// The time from the call of the pool to the first statement, in nanoseconds.
    public var checkoutWait: LatencySummary?
    /// The time from the start of the statement to its last row, in nanoseconds.
    public var queryLatency: LatencySummary?
    /// The time from the start of the writing statement to its end, in nanoseconds. In SQLite it
    /// excludes the commit.
    public var writeLatency: LatencySummary?
    /// The number of connections that the pool opened.
    public var connectionsCreated: Int
    /// The fairness between the clients.
    public var turns: Turns
    /// The errors, the most frequent first.
    public var failures: [Failure]

    /// The number of checkouts per second.
    public var checkoutsPerSecond: Double {
        elapsedSeconds > 0 ? Double(checkouts) / elapsedSeconds : 0
    }

    /// The number of failed turns.
    public var failureCount: Int {
        failures.reduce(0) { $0 + $1.count }
    }
}
