// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import PoolTesting

/// A database without delay that is up or down. It checks what the pool does with its connections
/// over time.
///
/// The numbers of the promises are those of ``Sequence``.
final class DayDatabase: ConnectionFactory, @unchecked Sendable {
    struct Connection: ~Copyable, Sendable { let line: Line }

    final class Line: @unchecked Sendable {
        let number: Int
        fileprivate(set) var isBroken = false
        fileprivate var isEvicted = false
        fileprivate var isHeld = false
        fileprivate var lastUse: Double
        /// The last use or successful test.
        fileprivate var lastSign: Double
        /// The tests since the last use.
        fileprivate var pings = 0

        fileprivate init(_ number: Int, at now: Double) {
            self.number = number
            (lastUse, lastSign) = (now, now)
        }
    }

    struct Down: Error {}

    /// The tolerance in seconds: maintenance runs each second, and a skipped connection waits for
    /// the next run.
    private static let slack = 2.0
    /// The rounding tolerance of instants in seconds.
    static let rounding = 0.001

    var isUp = true
    var isSuspended = false { didSet { if !isSuspended { resumed = now } } }
    /// The instant at which the pool was last resumed.
    private(set) var resumed = 0.0
    private(set) var born = 0
    private(set) var closed = 0
    private(set) var most = 0
    private(set) var pings = 0
    private(set) var mostPings = 0
    private(set) var longestUntested = 0.0
    private(set) var longestUnused = 0.0
    /// Connections that were closed after the idle timeout.
    private(set) var closedUnused = 0
    private var lines: [ObjectIdentifier: Line] = [:]
    /// The instants of the last eviction of all connections and of the last end of the database.
    private var (evicted, wentDown) = (-Double.infinity, -Double.infinity)
    private var lastCheck = 0.0
    /// The first promise that was broken.
    private var complaint: String?
    private let clock: ManualClock
    private let minimum: Int
    private let keepAlive: Double
    private let idleTimeout: Double
    private let validateAfterIdle: Double

    init(_ configuration: ConnectionPoolConfiguration, clock: ManualClock) {
        self.clock = clock
        minimum = configuration.minimumConnections
        keepAlive = configuration.keepAliveInterval! / .seconds(1)
        idleTimeout = configuration.idleTimeout! / .seconds(1)
        validateAfterIdle = configuration.validateAfterIdle! / .seconds(1)
    }

    var open: Int { lines.count }

    private var now: Double { ManualClock.Instant().duration(to: clock.now) / .seconds(1) }

    private func complain(_ text: @autoclosure () -> String) {
        if complaint == nil { complaint = "\(text()), at \(now) s" }
    }

    // MARK: Operations of the factory

    func connect() async throws -> Connection {
        if isSuspended { complain("10: a suspended pool connects") }
        if !isUp { throw Down() }
        born += 1
        let line = Line(born, at: now)
        lines[ObjectIdentifier(line)] = line
        most = max(most, lines.count)
        return Connection(line: line)
    }

    func inspect(_ connection: borrowing Connection) -> ConnectionHealth {
        connection.line.isBroken ? .broken : .reusable
    }

    func ping(_ connection: borrowing Connection) async -> Bool {
        let line = connection.line
        if line.isHeld { complain("1: connection \(line.number) was tested while it was held") }
        // A connection that the database has ended makes other connections suspect.
        if now - line.lastSign < validateAfterIdle - DayDatabase.rounding, now - wentDown > 2 * keepAlive {
            complain("connection \(line.number) was tested \(now - line.lastSign) s after its last use or test")
        }
        pings += 1
        line.pings += 1
        if line.isBroken { return false }
        line.lastSign = now
        return true
    }

    func close(_ connection: consuming Connection) async {
        let line = connection.line
        if line.isHeld { complain("9: connection \(line.number) was closed while it was held") }
        if lines.removeValue(forKey: ObjectIdentifier(line)) == nil {
            complain("8: connection \(line.number) was closed twice")
        }
        closed += 1
        mostPings = max(mostPings, line.pings)
        if now - line.lastUse >= idleTimeout - DayDatabase.rounding { closedUnused += 1 }
    }

    // MARK: Events

    /// Ends all sessions.
    func goDown() {
        isUp = false
        wentDown = now
        for line in lines.values { line.isBroken = true }
    }

    /// Records that all connections are to be replaced.
    func evict() {
        evicted = now
        for line in lines.values { line.isEvicted = true }
    }

    /// Records that a caller gets a connection.
    func begin(_ line: Line) {
        if isSuspended { complain("10: connection \(line.number) of a suspended pool was handed out") }
        if line.isHeld { complain("1: connection \(line.number) was handed out twice") }
        if line.isEvicted { complain("8: connection \(line.number) was handed out, which was evicted") }
        if lines[ObjectIdentifier(line)] == nil {
            complain("8: connection \(line.number) was handed out, which is closed")
        }
        line.isHeld = true
    }

    func end(_ line: Line) {
        line.isHeld = false
        line.pings = 0
        (line.lastUse, line.lastSign) = (now, now)
    }

    // MARK: Promises

    /// Checks all connections that no caller holds, once a second, while no task can continue.
    ///
    /// - Throws: ``Broken`` if the pool has broken a promise since the last check.
    func check() throws {
        if let complaint { throw Broken(description: complaint) }
        if now < lastCheck + 1 { return }
        lastCheck = now
        for line in lines.values where !line.isHeld {
            if line.isEvicted {
                throw Broken(description: "8: connection \(line.number) was evicted at \(evicted) s, and is open")
            }
            if isSuspended { continue }
            // A suspended pool does not maintain its retained connections.
            let (untested, unused) = (now - max(line.lastSign, resumed), now - max(line.lastUse, resumed))
            longestUntested = max(longestUntested, untested)
            if untested > keepAlive + DayDatabase.slack, isUp {
                throw Broken(
                    description: "12: connection \(line.number) was idle for \(untested) s without a test, at \(now) s"
                )
            }
            if unused > idleTimeout + DayDatabase.slack, lines.count > minimum {
                throw Broken(
                    description:
                        "12: connection \(line.number) was not used for \(unused) s, beside \(lines.count), at \(now) s"
                )
            }
            if lines.count > minimum { longestUnused = max(longestUnused, unused) }
        }
    }
}
