// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What a run found out.
public struct BenchmarkReport: Sendable, Hashable {
    /// Why the run ended.
    public enum Ending: String, Sendable, Hashable, Codable {
        /// Its time was up.
        case duration
        /// Somebody pressed Ctrl-C.
        case interrupt = "SIGINT"
        /// The system asked the process to end.
        case termination = "SIGTERM"
    }

    /// How many turns a client had: one read, and the write that follows it if there is one.
    public struct Turns: Sendable, Hashable, Codable {
        /// The most turns that a client had.
        public var luckiest: Int
        /// The fewest turns that a client had.
        public var unluckiest: Int
    }

    /// A kind of failure and how often it came up.
    public struct Failure: Sendable, Hashable, Codable {
        /// What went wrong.
        public var message: String
        /// How many turns ended with it.
        public var count: Int
    }

    /// The system that the database belongs to.
    public var system: String
    /// The version of that system, if it is known.
    public var systemVersion: String?
    /// The database: the path of its file, or its name and where its server is.
    public var database: String
    /// The statement that every client runs.
    public var sql: String
    /// The statement that every client runs in a transaction of its own after each read.
    public var writeSQL: String?
    /// The number of clients.
    public var clients: Int
    /// The number of connections that reads share at most.
    public var connections: Int
    /// Whether the clients were on one thread with the server's answers.
    public var isOnOneThread: Bool
    /// From the first checkout to the last answer.
    public var elapsedSeconds: Double
    /// Why the run ended.
    public var ending: Ending
    /// How many times a client got a connection.
    public var checkouts: Int
    /// How many rows the statements gave.
    public var rows: Int
    /// From the call of the pool to the first statement, in nanoseconds.
    public var checkoutWait: LatencySummary?
    /// From the start of the statement to its last row, in nanoseconds.
    public var queryLatency: LatencySummary?
    /// From the start of the writing statement to its end, in nanoseconds. SQLite's is without the commit.
    public var writeLatency: LatencySummary?
    /// How many connections the pool opened.
    public var connectionsCreated: Int
    /// How evenly the clients were served.
    public var turns: Turns
    /// What went wrong, the most frequent first.
    public var failures: [Failure]

    /// How many times per second a client got a connection.
    public var checkoutsPerSecond: Double {
        elapsedSeconds > 0 ? Double(checkouts) / elapsedSeconds : 0
    }

    /// How many turns failed.
    public var failureCount: Int {
        failures.reduce(0) { $0 + $1.count }
    }
}
