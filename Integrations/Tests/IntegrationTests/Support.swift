// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting
import Synchronization
import Tracing

/// A factory of connections without a server. Each connect takes a quarter of a second of a manual
/// clock.
final class StubFactory: ConnectionFactory {
    struct Connection: ~Copyable, Sendable {}

    struct Refused: Error, CustomStringConvertible {
        let descriptions: Tally

        var description: String {
            descriptions.add()
            return "refused"
        }
    }

    let clock: ManualClock
    private let failures: Mutex<Int>
    private let open = Mutex(0)
    private let descriptions: Tally

    /// - Parameters:
    ///   - failures: The number of attempts that fail first.
    ///   - descriptions: Counts the descriptions of errors.
    init(clock: ManualClock, failures: Int, descriptions: Tally) {
        self.clock = clock
        self.failures = Mutex(failures)
        self.descriptions = descriptions
    }

    var openConnections: Int { open.withLock { $0 } }

    func connect() async throws -> Connection {
        withSpan("handshake") { _ in clock.advance(by: .milliseconds(250)) }
        let fails = failures.withLock { failures in
            defer { failures = max(0, failures - 1) }
            return failures > 0
        }
        if fails { throw Refused(descriptions: descriptions) }
        open.withLock { $0 += 1 }
        return Connection()
    }

    func inspect(_ connection: borrowing Connection) -> ConnectionHealth { .reusable }

    func close(_ connection: consuming Connection) async { open.withLock { $0 -= 1 } }
}

/// Counts.
final class Tally: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add() { count.add(1, ordering: .relaxed) }
}

/// A pool with a manual clock.
struct TestedPool {
    let clock = ManualClock()
    let factory: StubFactory
    let pool: ConnectionPool<StubFactory>

    init(
        _ name: String,
        failures: Int = 0,
        descriptions: Tally = Tally(),
        observers: [any PoolObserver] = [],
        _ change: (inout ConnectionPoolConfiguration) -> Void = { _ in }
    ) throws {
        factory = StubFactory(clock: clock, failures: failures, descriptions: descriptions)
        var configuration = ConnectionPoolConfiguration(name: name, maximumConnections: 1)
        // The clock of a test advances while its tasks wait for a processor.
        configuration.checkoutTimeout = .seconds(80_000)
        configuration.connectTimeout = .seconds(80_000)
        change(&configuration)
        pool = try ConnectionPool(factory: factory, configuration: configuration, observers: observers, clock: clock)
    }

    /// Advances the clock second by second until `condition` holds.
    func advance(until condition: () -> Bool) async {
        while !condition() {
            clock.advance(by: .seconds(1))
            for _ in 0..<20 { await Task.yield() }
        }
    }
}

/// Yields until `condition` holds.
func until(_ condition: () async -> Bool) async {
    while !(await condition()) { await Task.yield() }
}
