// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting

/// A day of a large pool: load that comes and goes in waves, three restarts of the database, and
/// a program that suspends the pool and evicts its connections.
///
/// The pool and the tasks of its users are real. The clock is simulated, so the day takes a
/// minute.
final class Day: @unchecked Sendable {
    /// Records the reasons for which connections are closed.
    final class Observer: PoolObserver, @unchecked Sendable {
        var ends: [ConnectionEnd: Int] = [:]

        func observe(_ event: PoolEvent, in pool: String) {
            if case .closing(let end) = event { ends[end, default: 0] += 1 }
        }
    }

    static let maximum = 300
    private static let users = 430
    private static let length = 86_400
    /// The instants at which the database goes down, and the durations in seconds.
    private static let outages = [(at: 21_600, seconds: 20), (at: 43_200, seconds: 60), (at: 64_800, seconds: 120)]
    /// The instants at which the pool is suspended, the durations in seconds, and whether its
    /// connections are evicted then, as for a failover. The last suspension is longer than the
    /// keepalive interval and the idle timeout.
    private static let suspensions = [
        (at: 10_800, seconds: 60, evicts: false), (at: 37_800, seconds: 120, evicts: false),
        (at: 54_000, seconds: 30, evicts: true), (at: 81_000, seconds: 900, evicts: false),
    ]
    /// The instants at which all connections are evicted from the pool in service.
    private static let evictions = [32_400, 39_600, 48_600, 57_600, 75_600, 75_603, 75_606]

    private enum Operation { case down, up, suspend, evict, resume }

    /// The events of the pool and the database, in order.
    private static var operations: [(at: Int, operation: Operation)] {
        var operations: [(at: Int, operation: Operation)] = evictions.map { (at: $0, operation: .evict) }
        for outage in outages {
            operations += [(outage.at, .down), (outage.at + outage.seconds, .up)]
        }
        for suspension in suspensions {
            operations += [(suspension.at, .suspend), (suspension.at + suspension.seconds, .resume)]
            if suspension.evicts { operations.append((suspension.at + 1, .evict)) }
        }
        return operations.sorted { $0.at < $1.at }
    }

    private let clock: ManualClock
    private let database: DayDatabase
    private let observer = Observer()
    private let pool: ConnectionPool<DayDatabase>
    /// Chooses the order of steps and the behavior of users.
    private var dice, habits: Dice
    /// The events of each minute.
    private var retired = Array(repeating: 0, count: length / 60)
    private var served = 0
    private var refused = 0
    /// Refusals while the database was up, after it had been up for as long as callers wait.
    private var starved = 0
    private var longestWait = 0.0
    /// Callers with a long timeout that were served after a wait in a suspended pool.
    private var servedAfterSuspension = 0
    private var isOver = false

    init(seed: UInt64) throws {
        dice = Dice(seed: seed)
        habits = Dice(seed: seed ^ 0x5555)
        let random = World.Random(seed: seed ^ 0xAAAA)
        // The defaults for keepalives and for the idle timeout.
        let configuration = ConnectionPoolConfiguration(
            name: "day",
            maximumConnections: Day.maximum,
            minimumConnections: 20
        )
        clock = ManualClock()
        database = DayDatabase(configuration, clock: clock)
        pool = try ConnectionPool(
            factory: database,
            configuration: configuration,
            observers: [observer],
            clock: clock,
            random: { random.next() }
        )
    }

    private var now: Double { ManualClock.Instant().duration(to: clock.now) / .seconds(1) }

    /// The number of users at a time of the day: a night, a morning and an evening, with waves of
    /// twenty minutes.
    private func load(at seconds: Double) -> Double {
        let day = 0.5 - 0.5 * cos(2 * .pi * (seconds / 86_400 - 0.1))
        let wave = 0.85 + 0.15 * sin(2 * .pi * seconds / 1_200)
        return 30 + Double(Day.users - 30) * day * wave
    }

    private func isOutage(around seconds: Double) -> Bool {
        Day.outages.contains { Double($0.at) - 1 <= seconds && seconds <= Double($0.at + $0.seconds) + 20 }
    }

    /// Whether a caller that came at an instant may have waited until its timeout because the
    /// pool was suspended.
    private func isSuspension(around seconds: Double, timeout: Double) -> Bool {
        Day.suspensions.contains { Double($0.at) <= seconds + timeout && seconds <= Double($0.at + $0.seconds) }
    }

    private func use(_ user: Int) async {
        while !isOver {
            // In whole seconds, as are most durations here: fewer instants to simulate.
            let pause = Duration.seconds(habits.pick(1...5))
            try? await clock.sleep(until: clock.now.advanced(by: pause), tolerance: nil)
            if Double(user) > load(at: now) { continue }
            // Each fourth user waits until the end of any suspension.
            let timeout = user.isMultiple(of: 4) ? 1_000.0 : 10
            let began = now
            do {
                try await pool.withConnection(timeout: .seconds(timeout)) { connection in
                    longestWait = max(longestWait, now - began)
                    if database.resumed > began, timeout > 10 { servedAfterSuspension += 1 }
                    let line = connection.line
                    database.begin(line)
                    let hold = Duration.seconds(habits.pick(2...8))
                    try? await clock.sleep(until: clock.now.advanced(by: hold), tolerance: nil)
                    database.end(line)
                }
                served += 1
            } catch {
                refused += 1
                if isOver || isOutage(around: began) { continue }
                if isSuspension(around: began, timeout: timeout), now - began >= timeout - DayDatabase.rounding {
                    continue
                }
                starved += 1
            }
        }
    }

    /// Simulates the day.
    ///
    /// - Parameter folder: The folder of the chart; `nil` for none.
    /// - Throws: ``Broken`` if the pool exceeded its maximum, or a caller starved.
    func run(chartsTo folder: String?) throws {
        for user in 0..<Day.users { Task.detached { [self] in await use(user) } }
        Scheduler.rest(&dice)
        var operations = Day.operations[...]
        var expired = 0
        var minute = 0
        while minute < retired.count {
            let deadline = clock.nextDeadline!
            let next = deadline / .seconds(1)
            while let (at, operation) = operations.first, Double(at) <= next {
                operations.removeFirst()
                perform(operation)
                Scheduler.rest(&dice)
            }
            while minute < retired.count, next >= Double(60 * (minute + 1)) {
                retired[minute] = observer.ends[.expired, default: 0] - expired
                expired += retired[minute]
                minute += 1
                if minute % 240 == 0 {
                    print("\(minute / 60) hours: \(pool.status)")
                    fflush(nil)
                }
            }
            clock.advance(by: max(.zero, deadline - ManualClock.Instant().duration(to: clock.now)))
            Scheduler.rest(&dice)
            try database.check()
        }
        try finish(folder)
    }

    /// Causes an event while no task can continue.
    private func perform(_ operation: Operation) {
        switch operation {
        case .down: database.goDown()
        case .up: database.isUp = true
        case .suspend:
            pool.suspend()
            database.isSuspended = true
        case .evict:
            database.evict()
            pool.evictAll()
        case .resume:
            database.isSuspended = false
            pool.resume()
        }
    }

    private func finish(_ folder: String?) throws {
        isOver = true
        let closing = Task.detached { [pool] in await pool.close() }
        for _ in 0..<20 {
            clock.advance(by: .seconds(60))
            Scheduler.rest(&dice)
        }
        _ = closing
        let minutes = retired.sorted()
        print(
            """
            connections: \(database.born) born, at most \(database.most) of \(Day.maximum) at a time; closed: \
            \(observer.ends.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", "))
            retirements in a minute: \(minutes[minutes.count / 2]) in half of them, at most \(minutes.last!)
            callers: \(served) served, \(refused) refused, \(starved) of them beside no outage or suspension; longest wait \
            \(longestWait) s; \(servedAfterSuspension) served after a suspension
            tests: \(database.pings), at most \(database.mostPings) between two uses; longest time without a use or test \
            \(database.longestUntested) s, without a use \(database.longestUnused) s
            """
        )
        if let folder { try write(to: folder) }
        if database.most > Day.maximum { throw Broken(description: "7: \(database.most) connections at a time") }
        if database.open > 0 { throw Broken(description: "9: \(database.open) connections were never closed") }
        if database.born < 10_000 { throw Broken(description: "the day had \(database.born) connections only") }
        try database.check()
        try checkOperations()
        if starved > 0 { throw Broken(description: "5: \(starved) callers starved") }
        // All connections were made within seconds after each restart. Without jitter all would
        // be replaced within one minute.
        if minutes.last! > Day.maximum / 4 { throw Broken(description: "\(minutes.last!) retirements in a minute") }
    }

    /// Checks that the day had the intended events.
    private func checkOperations() throws {
        let ends = observer.ends
        // 950 to 1,020 with the first seven seeds.
        if ends[.idle, default: 0] < 800 {
            throw Broken(description: "the idle timeout ended \(ends[.idle, default: 0]) connections only")
        }
        if ends[.idle, default: 0] > database.closedUnused {
            throw Broken(
                description:
                    "7: \(ends[.idle]!) idle timeouts, for \(database.closedUnused) connections without a use for as long"
            )
        }
        if ends[.evicted, default: 0] < 5 * 100 {
            throw Broken(description: "\(ends[.evicted, default: 0]) evictions only")
        }
        if database.mostPings < 4 { throw Broken(description: "no connection was kept alive until its idle timeout") }
        if servedAfterSuspension < 100 {
            throw Broken(description: "\(servedAfterSuspension) callers waited in a suspended pool")
        }
    }

    private func write(to folder: String) throws {
        var chart = Chart(
            title: "A day of up to 300 connections: how many retire in each minute",
            xTitle: "hour of the day; the database starts anew at 6, 12 and 18",
            x: .init(least: 0, most: 24, labels: ["0", "3", "6", "9", "12", "15", "18", "21", "24"], isLinear: true),
            y: .init(least: 0, most: 100, labels: ["0", "20", "40", "60", "80", "100"], isLinear: true)
        )
        chart.add(
            name: "retired for their age",
            color: "#1f6feb",
            retired.enumerated().map { (Double($0.offset) / 60, Double($0.element)) }
        )
        let file = URL(filePath: folder).appending(path: "retirement.svg")
        try chart.svg.write(to: file, atomically: true, encoding: .utf8)
        print("written: \(file.path)")
    }
}
