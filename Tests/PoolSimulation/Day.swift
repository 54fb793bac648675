// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import PoolTesting

/// A day of a large pool: load that comes and goes in waves, and a database that is started anew three times.
///
/// The pool and the tasks of its users are real; the clock is not, so that the day takes a minute.
final class Day: @unchecked Sendable {
    /// A database without any delay, that is there or not.
    final class Database: ConnectionFactory, @unchecked Sendable {
        struct Connection: ~Copyable, Sendable { let line: Line }

        final class Line: @unchecked Sendable { var isBroken = false }

        struct Down: Error {}

        var isUp = true
        private(set) var born = 0
        private(set) var closed = 0
        private(set) var most = 0
        private var lines: [ObjectIdentifier: Line] = [:]

        var open: Int { lines.count }

        func connect() async throws -> Connection {
            if !isUp { throw Down() }
            let line = Line()
            lines[ObjectIdentifier(line)] = line
            born += 1
            most = max(most, lines.count)
            return Connection(line: line)
        }

        func inspect(_ connection: borrowing Connection) -> ConnectionHealth {
            connection.line.isBroken ? .broken : .reusable
        }

        func ping(_ connection: borrowing Connection) async -> Bool { !connection.line.isBroken }

        func close(_ connection: consuming Connection) async {
            lines[ObjectIdentifier(connection.line)] = nil
            closed += 1
        }

        /// Ends all sessions.
        func goDown() {
            isUp = false
            for line in lines.values { line.isBroken = true }
        }
    }

    /// Sees why connections are closed.
    final class Observer: PoolObserver, @unchecked Sendable {
        var ends: [ConnectionEnd: Int] = [:]

        func observe(_ event: PoolEvent, in pool: String) {
            if case .closing(let end) = event { ends[end, default: 0] += 1 }
        }
    }

    static let maximum = 300
    private static let users = 430
    private static let length = 86_400
    /// When the database goes down, and for how many seconds.
    private static let outages = [(at: 21_600, seconds: 20), (at: 43_200, seconds: 60), (at: 64_800, seconds: 120)]

    private let clock = ManualClock()
    private let database = Database()
    private let observer = Observer()
    private let pool: ConnectionPool<Database>
    /// For the order of steps, and for what users do.
    private var dice, habits: Dice
    /// What happened in each minute.
    private var retired = Array(repeating: 0, count: length / 60)
    private var served = 0
    private var refused = 0
    /// Refusals while the database was there, and for as long as callers waited by then.
    private var starved = 0
    private var longestWait = 0.0
    private var isOver = false

    init(seed: UInt64) throws {
        dice = Dice(seed: seed)
        habits = Dice(seed: seed ^ 0x5555)
        let random = World.Random(seed: seed ^ 0xAAAA)
        pool = try ConnectionPool(
            factory: database,
            configuration: .init(name: "day", maximumConnections: Day.maximum, minimumConnections: 20),
            observers: [observer],
            clock: clock,
            random: { random.next() }
        )
    }

    private var now: Double { ManualClock.Instant().duration(to: clock.now) / .seconds(1) }

    /// How many users are there at a time of the day: a night, a morning and an evening, with waves of twenty minutes.
    private func load(at seconds: Double) -> Double {
        let day = 0.5 - 0.5 * cos(2 * .pi * (seconds / 86_400 - 0.1))
        let wave = 0.85 + 0.15 * sin(2 * .pi * seconds / 1_200)
        return 30 + Double(Day.users - 30) * day * wave
    }

    private func isOutage(around seconds: Double) -> Bool {
        Day.outages.contains { Double($0.at) - 1 <= seconds && seconds <= Double($0.at + $0.seconds) + 20 }
    }

    private func use(_ user: Int) async {
        while !isOver {
            // In whole seconds, as are most times here: fewer moments to go through.
            let pause = Duration.seconds(habits.pick(1...5))
            try? await clock.sleep(until: clock.now.advanced(by: pause), tolerance: nil)
            if Double(user) > load(at: now) { continue }
            let began = now
            do {
                try await pool.withConnection { connection in
                    longestWait = max(longestWait, now - began)
                    let hold = Duration.seconds(habits.pick(2...8))
                    try await clock.sleep(until: clock.now.advanced(by: hold), tolerance: nil)
                }
                served += 1
            } catch {
                refused += 1
                if !isOver, !isOutage(around: began) { starved += 1 }
            }
        }
    }

    /// Lets the day pass.
    ///
    /// - Parameter folder: Where the chart is written; `nil` for nowhere.
    /// - Throws: ``Broken`` if the pool had more connections than it may, or somebody starved.
    func run(chartsTo folder: String?) throws {
        for user in 0..<Day.users { Task.detached { [self] in await use(user) } }
        Scheduler.rest(&dice)
        var outages = Day.outages.flatMap { [($0.at, false), ($0.at + $0.seconds, true)] }
        var expired = 0
        var minute = 0
        while minute < retired.count {
            let deadline = clock.nextDeadline!
            let next = deadline / .seconds(1)
            if let (at, isUp) = outages.first, Double(at) <= next {
                outages.removeFirst()
                if isUp { database.isUp = true } else { database.goDown() }
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
        }
        try finish(folder)
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
            callers: \(served) served, \(refused) refused, \(starved) of them beside no outage; longest wait \(longestWait) s
            """
        )
        if let folder { try write(to: folder) }
        if database.most > Day.maximum { throw Broken(description: "7: \(database.most) connections at a time") }
        if database.open > 0 { throw Broken(description: "9: \(database.open) connections were never closed") }
        if database.born < 9_000 { throw Broken(description: "the day had \(database.born) connections only") }
        if starved > 0 { throw Broken(description: "5: \(starved) callers starved") }
        // All were born within seconds after each restart; without jitter all of them would go in one minute.
        if minutes.last! > Day.maximum / 4 { throw Broken(description: "\(minutes.last!) retirements in a minute") }
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
