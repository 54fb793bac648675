// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import PoolTesting
import Testing

@testable import ConnectionPooling

extension ScriptedFactory {
    /// A factory whose first attempts are controlled by the test.
    convenience init(_ connects: [Step]) {
        self.init()
        script(.connect, connects)
    }

    var connects: Int { record.count(of: .connect) }
    var open: Int { record.open }
    var closed: [Int] { record.closed }
    func hanging(_ operation: Operation) -> Int { record.hanging(operation) }
}

extension ConnectionPool {
    /// Whether new callers are refused.
    var isClosedToCallers: Bool { refusal(at: time.now)?.code == .closed }
}

extension ManualClock {
    /// Advances the clock second by second, without pauses. The pool may still be at work on the
    /// last seconds.
    func advance(seconds: Int) async {
        let end = now.advanced(by: .seconds(seconds))
        await advance(pause: nil) { now >= end }
    }
}

/// Numbers of one reading of the status: a connection that is leased for maintenance between two
/// readings would count twice or not at all.
extension PoolStatus {
    var open: Int { idle + leased }
    var occupied: Int { idle + leased + changing }
}

/// A pool that changes only what a test has changed.
func makePool(
    _ factory: ScriptedFactory,
    _ clock: ManualClock,
    maximum: Int = 2,
    hooks: ConnectionHooks<ScriptedConnection> = .init(),
    observers: [any PoolObserver] = [],
    _ change: (inout ConnectionPoolConfiguration) -> Void = { _ in }
) throws -> ConnectionPool<ScriptedFactory> {
    var configuration = ConnectionPoolConfiguration(
        name: "test",
        maximumConnections: maximum,
        maximumWaiters: 16,
        checkoutTimeout: .seconds(3_600),
        // A clock that is advanced until an event may be far ahead of it on busy processors.
        connectTimeout: .seconds(3_600),
        circuitBreakerThreshold: .seconds(3_600),
        validateAfterIdle: nil,
        keepAliveInterval: nil,
        idleTimeout: nil,
        maximumLifetime: nil
    )
    change(&configuration)
    return try ConnectionPool(
        factory: factory,
        configuration: configuration,
        hooks: hooks,
        observers: observers,
        clock: clock
    )
}

/// Starts a task that requests a connection, and returns when it is the `count`th in line.
func inLine(
    _ count: Int,
    of pool: ConnectionPool<ScriptedFactory>,
    timeout: Duration? = nil
) async -> Task<Int, any Error> {
    let task = Task { try await pool.withConnection(timeout: timeout) { $0.id } }
    await eventually { pool.status.waiting == count }
    return task
}

/// Resumes all sleepers of a clock, so that no task is left over.
func settle(_ clock: ManualClock) async {
    for _ in 0..<50 {
        clock.advance(by: .seconds(1))
        for _ in 0..<20 { await Task.yield() }
    }
}
