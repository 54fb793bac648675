// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport
import Testing

@testable import PostgresPooling

/// Calls of one feature through a ``FaultProxy``, each with a fault at another position. After
/// each call, a direct connection finds out what the server has stored.
struct FaultPoints {
    /// What ends a call at its position.
    enum End: String, CaseIterable {
        /// The connection is reset between two messages.
        case reset
        /// The connection is closed within a message.
        case close
        /// Nothing arrives anymore between two messages, and the task is cancelled.
        case cancellation
        /// Nothing arrives anymore within a message, and the deadline passes.
        case deadline
        /// The message arrives in two pieces, which ends nothing.
        case split
    }

    private let feature: FaultFeature
    private let proxy: FaultProxy
    private let pool: PostgresPool
    /// A pool without the proxy.
    private let direct: PostgresPool

    /// Makes calls with faults at all positions, and checks that nothing is left of them. Nothing
    /// else may run in the process.
    static func run(_ feature: FaultFeature, url: String, seed: UInt64) async throws {
        let (proxy, proxyURL) = try FaultProxy.start(before: url)
        let schema = "fault_\(UUID().uuidString.prefix(8).lowercased())"
        func makePool(_ url: String) throws -> PostgresPool {
            var configuration = PostgresConfiguration.withLongTimeouts(url)
            configuration.applicationName = schema
            configuration.parameters["options"] = "-c search_path=\(schema)"
            configuration.pool.maximumConnections = 1
            // After a fault, no cancelled statement ends.
            configuration.pool.resetTimeout = .milliseconds(20)
            return try PostgresPool(configuration)
        }
        let points = try FaultPoints(feature: feature, proxy: proxy, pool: makePool(proxyURL), direct: makePool(url))
        try await points.direct.execute("CREATE SCHEMA \(identifier: schema)")
        try await points.direct.execute("CREATE TABLE fault (call int, part int, note text)")
        try await points.callAtAllPositions(seed)
        await points.pool.close()
        await until { proxy.connectionCount == 0 }
        proxy.stop()
        try await points.direct.execute("DROP SCHEMA \(identifier: schema) CASCADE")
        await points.direct.close()
    }

    private func callAtAllPositions(_ seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        var call = 0
        // The first use of anything may open a descriptor, or start a thread.
        for end in End.allCases {
            try await self.call(call, end, FaultProxy.Fault(action: end.action, direction: .toClient, messages: 0))
            call += 1
        }
        let before = try await resources()
        let messages = try await undisturbedMessages()
        let sizes = Dictionary(grouping: messages, by: \.direction).mapValues { $0.map(\.size) }
        let commit = feature.commit(in: messages.filter { $0.direction == .toServer })
        for direction in FaultProxy.Direction.allCases {
            let sizes = sizes[direction, default: []]
            #expect(!sizes.isEmpty)
            for (index, size) in sizes.enumerated() {
                for end in End.chosen(&generator) {
                    var fault = FaultProxy.Fault(action: end.action, direction: direction, messages: index)
                    if end.isWithinMessage { fault.bytes = Int.random(in: 1..<size, using: &generator) }
                    try await self.call(call, end, fault, commit: commit)
                    call += 1
                }
            }
        }
        let after = try await resources()
        #expect(after == before, "descriptors and threads before and after \(call) calls")
    }

    /// Makes one call that a fault disturbs, and checks its result and its effects.
    ///
    /// - Parameter commit: The number of messages to the server after which the call may be
    ///   committed.
    private func call(_ call: Int, _ end: End, _ fault: FaultProxy.Fault, commit: Int = 0) async throws {
        // A connection on which no statement is prepared.
        pool.evictAll()
        try await equal(pool.query("SELECT 1", as: Int.self), [1])
        proxy.arm(fault)
        let parts = Counted<PostgresPipeline.Result<PostgresCommand>>()
        let task = Task {
            try await feature.run(
                on: pool,
                call,
                timeout: end == .deadline ? .milliseconds(30) : nil,
                parts: parts
            )
        }
        if end == .cancellation {
            await until { proxy.hasStruck }
            task.cancel()
        }
        let error = await failure { try await task.value }
        let context: Comment = "\(feature), call \(call), \(fault): \(error as Any); \(proxy.messages)"
        #expect(end.explains(error), context)
        // On a slow machine the deadline passes before.
        #expect(proxy.hasStruck || end == .deadline, context)
        // Where the deadline passes before, the proxy may not have received yet what was sent.
        let isCommitSent = !proxy.hasStruck || proxy.messages.count { $0.direction == .toServer } > commit
        #expect(isCommitSent || !(error is PostgresError) || outcome(error) != .unknown, context)
        proxy.arm(nil)
        try await equal(pool.query("SELECT 2", as: Int.self), [2])
        try await awaitEndOfOthers()
        let stored = try await direct.query(
            "SELECT part, count(*)::int FROM fault WHERE call = \(call) GROUP BY part",
            as: (Int, Int).self
        )
        let counts = Dictionary(uniqueKeysWithValues: stored)
        for (part, count) in feature.stored.enumerated() {
            let wanted: Set<Int> =
                switch parts.values.count > part ? parts.values[part].outcome : outcome(error) {
                case .executed: [count]
                case .notExecuted, .rolledBack: [0]
                case .unknown: [0, count]
                }
            #expect(wanted.contains(counts[part, default: 0]), context)
        }
    }

    private func outcome(_ error: (any Error)?) -> PostgresError.Outcome {
        switch error {
        case nil: .executed
        // The error of a statement, whose transaction is rolled back.
        case let error as PostgresError where feature.isUndoneByEnd && error.code == .timedOut: .rolledBack
        case let error as PostgresError: error.outcome
        case is CancellationError: feature.isUndoneByEnd ? .rolledBack : .unknown
        default: .notExecuted
        }
    }

    /// Returns the messages of a call without a fault.
    private func undisturbedMessages() async throws -> [FaultProxy.Message] {
        pool.evictAll()
        _ = try await pool.query("SELECT 1")
        proxy.arm(nil)
        try await feature.run(on: pool, -1, timeout: nil, parts: Counted())
        return proxy.messages
    }

    /// Waits until the server has ended the sessions of lost connections, and what they have sent.
    private func awaitEndOfOthers() async throws {
        let processes = [try await pool.process(), try await direct.process()]
        try await until {
            try await direct.query(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND pid <> ALL (\(processes))",
                as: Int.self
            ) == [0]
        }
    }

    /// Returns the numbers of descriptors and threads of the process, when the pool has one
    /// connection.
    private func resources() async throws -> [Int] {
        _ = try await pool.query("SELECT 1")
        await until { proxy.connectionCount == 1 }
        #if os(Linux)
            // The threads of cancel requests end by themselves.
            try await until { try threadNames().count { $0.hasPrefix("postgres-") } <= 1 }
            return [
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
                try threadNames().count { $0.hasPrefix("postgres") },
            ]
        #else
            return []
        #endif
    }
}

extension FaultPoints.End {
    /// Returns the ends for one position: those between messages, and one within a message; all of
    /// them in a soak test.
    fileprivate static func chosen(_ generator: inout SeededGenerator) -> [Self] {
        if ProcessInfo.processInfo.environment["LOCKPOOL_SOAK"] != nil { return allCases }
        return allCases.filter { !$0.isWithinMessage } + [
            allCases.filter(\.isWithinMessage).randomElement(using: &generator)!
        ]
    }

    fileprivate var action: FaultProxy.Action {
        switch self {
        case .reset: .reset
        case .close: .close
        case .cancellation, .deadline: .stall
        case .split: .delay(1)
        }
    }

    fileprivate var isWithinMessage: Bool { self == .close || self == .deadline || self == .split }

    /// Whether a call may end with an error, or with success if there is none.
    fileprivate func explains(_ error: (any Error)?) -> Bool {
        guard let error else { return self != .cancellation }
        let code = (error as? PostgresError)?.code
        return switch self {
        case .reset, .close: code == .connectionLost || code == .outcomeUnknown
        case .cancellation: error is CancellationError || code == .outcomeUnknown
        case .deadline: code == .timedOut || code == .outcomeUnknown || (error as? PoolError)?.code == .timedOut
        case .split: false
        }
    }
}

extension PostgresPipeline.Result {
    /// What is certain about the statement's effects.
    fileprivate var outcome: PostgresError.Outcome {
        switch state {
        case .done: .executed
        case .failed, .rolledBack: .rolledBack
        case .pending, .notRun: .notExecuted
        case .unknown: .unknown
        }
    }
}
