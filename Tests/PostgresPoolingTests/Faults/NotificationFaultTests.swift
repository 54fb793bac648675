// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import TestSupport
import Testing

@testable import PostgresPooling

/// Faults at each message of the connection for notifications.
@Suite(.timeLimit(.minutes(10))) struct NotificationFaultTests {
    @Test("A subscription whose connection fails at any message loses notifications only at a gap, and repeats none")
    func faults() async throws {
        let url = try await TestServer.shared.url
        let seed = SeededGenerator.seed("faults of notifications")
        await #expect(processExitsWith: .success) { [url = url as String, seed = seed as UInt64] in
            let (proxy, proxyURL) = try FaultProxy.start(before: url)
            var configuration = PostgresConfiguration.withLongTimeouts(proxyURL)
            // A silent connection is found by its test.
            configuration.pool.keepAliveInterval = .milliseconds(50)
            configuration.pool.resetTimeout = .milliseconds(50)
            configuration.pool.connectTimeout = .milliseconds(300)
            configuration.pool.initialBackoff = .milliseconds(1)
            let pool = try PostgresPool(configuration)
            let direct = try PostgresPool(.withLongTimeouts(url))
            try await NotificationFaultTests.run(proxy, pool, direct, SeededGenerator(seed: seed))
            await pool.close()
            await direct.close()
            proxy.stop()
        }
    }

    private static func run(
        _ proxy: FaultProxy,
        _ pool: PostgresPool,
        _ direct: PostgresPool,
        _ generator: SeededGenerator
    ) async throws {
        var generator = generator
        // The first use of anything may open a descriptor, or start a thread.
        for _ in 0..<2 { try await receive(proxy, pool, direct, nil) }
        let sizes = Dictionary(grouping: proxy.messages, by: \.direction).mapValues { $0.map(\.size) }
        let before = try resources()
        for direction in FaultProxy.Direction.allCases {
            for (index, size) in sizes[direction, default: []].enumerated() {
                let actions: [FaultProxy.Action] = [.reset, .close, .stall, .delay(1)]
                let isSoak = ProcessInfo.processInfo.environment["LOCKPOOL_SOAK"] != nil
                for action in isSoak ? actions : [actions.randomElement(using: &generator)!] {
                    var fault = FaultProxy.Fault(action: action, direction: direction, messages: index)
                    fault.bytes = Int.random(in: 0..<size, using: &generator)
                    try await receive(proxy, pool, direct, fault)
                }
            }
        }
        try equal(resources(), before)
    }

    /// Subscribes and receives notifications, while a fault strikes.
    private static func receive(
        _ proxy: FaultProxy,
        _ pool: PostgresPool,
        _ direct: PostgresPool,
        _ fault: FaultProxy.Fault?
    ) async throws {
        proxy.arm(fault)
        var log: [String] = []
        let channel = newChannel()
        do {
            let notifications = try await pool.notifications(on: channel)
            var (last, expected, isAfterGap) = (3, 1, false)
            for number in 1...last { try await direct.notify(channel, payload: "\(number)") }
            var iterator = notifications.makeAsyncIterator()
            while expected <= last, let event = await iterator.next() {
                log.append(event.summary)
                if case .notification(let notification) = event {
                    let number = try #require(Int(notification.payload))
                    let context: Comment = "\(fault as Any): \(log); \(proxy.messages)"
                    #expect(isAfterGap ? number >= expected : number == expected, context)
                    (expected, isAfterGap) = (number + 1, false)
                } else {
                    isAfterGap = true
                    // Those before may be lost.
                    last += 1
                    try await direct.notify(channel, payload: "\(last)")
                }
            }
            #expect(expected == last + 1, "\(fault as Any): \(log); \(proxy.messages)")
        }
        await until { proxy.connectionCount == 0 }
        #expect(fault == nil || proxy.hasStruck, "\(fault as Any): \(log); \(proxy.messages)")
    }

    /// The numbers of descriptors and threads of the process.
    private static func resources() throws -> [Int] {
        #if os(Linux)
            [
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
                try threadNames().count { $0.hasPrefix("postgres") },
            ]
        #else
            []
        #endif
    }
}
