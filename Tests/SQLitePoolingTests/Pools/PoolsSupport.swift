// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting
import Testing

@testable import SQLitePooling

extension SQLitePoolsConfiguration {
    /// Returns a configuration whose callers wait so long that a slow machine does not matter.
    static func with(maximumOpenPools: Int = 2, maximumWaiters: Int = 4_096) -> Self {
        var configuration = Self()
        configuration.maximumOpenPools = maximumOpenPools
        configuration.maximumWaiters = maximumWaiters
        configuration.checkoutTimeout = .seconds(600)
        configuration.database.pool.checkoutTimeout = .seconds(600)
        return configuration
    }
}

/// Passes `body` pools for the files in a new folder, and closes them afterwards.
func withPools(
    _ configuration: SQLitePoolsConfiguration = .with(),
    observers: [any SQLitePoolsObserver] = [],
    _ body: (SQLitePools<String>, SampleFolder) async throws -> Void
) async throws {
    let folder = try SampleFolder()
    let pools = try SQLitePools(folder: folder.path, configuration, observers: observers)
    do {
        try await body(pools, folder)
    } catch {
        await pools.close()
        throw error
    }
    await pools.close()
    #expect(pools.snapshot.open == 0 && pools.snapshot.waiting == 0)
    withExtendedLifetime(folder) {}
}

/// A use of a pool that lasts until the test ends it.
struct HeldUse: Sendable {
    private let task: Task<Void, any Error>
    private let gate: AsyncStream<Void>.Continuation

    /// Begins a use, and suspends until it has begun.
    init(_ pools: SQLitePools<String>, _ key: String) async throws {
        let (beginnings, beginning) = AsyncStream.makeStream(of: Void.self)
        let (gates, gate) = AsyncStream.makeStream(of: Void.self)
        self.gate = gate
        task = Task {
            defer { beginning.finish() }
            try await pools.withPool(key) { _ in
                beginning.yield()
                for await _ in gates { return }
            }
        }
        for await _ in beginnings { return }
        // Without a beginning, the task has failed.
        try await task.value
    }

    /// Ends the use.
    func end() async throws {
        gate.yield()
        try await task.value
    }
}

/// Starts a use of a pool, and suspends until it waits.
func startWaitingUse<Value: Sendable>(
    _ pools: SQLitePools<String>,
    _ key: String,
    timeout: Duration? = nil,
    _ body: @escaping @Sendable (SQLitePool) async throws -> Value
) async -> Task<Value, any Error> {
    let before = pools.snapshot.waiting
    let task = Task { try await pools.withPool(key, timeout: timeout) { try await body($0) } }
    await eventually { pools.snapshot.waiting == before + 1 }
    return task
}

/// Keeps the events of pools.
final class PoolsEvents: SQLitePoolsObserver {
    private let state = Locked<[String]>([])

    var all: [String] { state.withLock { $0 } }

    func observe(_ event: SQLitePoolsEvent, in pools: String) {
        let text =
            switch event {
            case .opened(let key, _): "opened \(key)"
            case .openFailed(let key, _): "failed \(key)"
            case .closed(let key, let reason, _): "\(reason) \(key)"
            }
        state.withLock { $0.append(text) }
    }
}

/// Creates the table of the tests, and adds a row.
func insert(_ number: Int, into pool: SQLitePool) async throws {
    try await pool.write { db in
        try db.execute("CREATE TABLE IF NOT EXISTS t (x)")
        try db.execute("INSERT INTO t VALUES (\(number))")
    }
}

func numbers(in pool: SQLitePool) async throws -> [Int] {
    try await pool.query("SELECT x FROM t ORDER BY x", as: Int.self)
}
