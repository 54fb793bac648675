// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

extension BenchmarkReport {
    /// The report as one JSON object with sorted keys and a trailing line break.
    ///
    /// Durations are whole nanoseconds. Keys without a value are omitted.
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
        // All values are finite numbers, strings, or composed of these, so encoding cannot fail.
        guard let data = try? encoder.encode(shape) else {
            preconditionFailure("a report can always be encoded as JSON")
        }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// The keys of the object, with their units.
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
