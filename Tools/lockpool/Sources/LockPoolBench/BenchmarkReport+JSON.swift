// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

extension BenchmarkReport {
    /// The report as one JSON object with sorted keys, and a line end behind it.
    ///
    /// Durations are whole nanoseconds. A key whose value there is none of is left out.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let shape = Shape(
            checkoutWaitNanoseconds: checkoutWait,
            checkouts: checkouts,
            checkoutsPerSecond: checkoutsPerSecond,
            clients: clients,
            connections: connections,
            connectionsCreated: connectionsCreated,
            database: database,
            elapsedSeconds: elapsedSeconds,
            endedBy: ending,
            errorCount: failureCount,
            errors: failures,
            isOnOneThread: isOnOneThread,
            queryLatencyNanoseconds: queryLatency,
            rows: rows,
            sql: sql,
            system: system,
            systemVersion: systemVersion,
            turns: turns,
            writeLatencyNanoseconds: writeLatency,
            writeSQL: writeSQL
        )
        // Every value of the shape is a number that is finite, a string, or made of these.
        guard let data = try? encoder.encode(shape) else {
            preconditionFailure("a report is always JSON")
        }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// The keys of the object, which name their units.
    private struct Shape: Encodable {
        var checkoutWaitNanoseconds: LatencySummary?
        var checkouts: Int
        var checkoutsPerSecond: Double
        var clients: Int
        var connections: Int
        var connectionsCreated: Int
        var database: String
        var elapsedSeconds: Double
        var endedBy: Ending
        var errorCount: Int
        var errors: [Failure]
        var isOnOneThread: Bool
        var queryLatencyNanoseconds: LatencySummary?
        var rows: Int
        var sql: String
        var system: String
        var systemVersion: String?
        var turns: Turns
        var writeLatencyNanoseconds: LatencySummary?
        var writeSQL: String?
    }
}
