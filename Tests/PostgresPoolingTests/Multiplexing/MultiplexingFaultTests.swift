// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgresPooling

/// Calls on shared connections that end early, and connections that are lost.
@Suite(.timeLimit(.minutes(10))) struct MultiplexingFaultTests {
    @Test("A cancelled call ends at once, and the statements around it run", arguments: PollerKind.allCases)
    func cancelled(poller: PollerKind) async throws {
        try await withSharedPool(poller, connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let first = Task { try await pool.execute("UPDATE shared SET value = value + 1 WHERE id = 0") }
                await until { pool.statistics.multiplexing.inFlight == 1 }
                let others = await (1...40).asyncMap { number in
                    let task = Task { try await pool.execute("INSERT INTO shared VALUES (\(number), 0)") }
                    await until { pool.statistics.multiplexing.total == number + 1 }
                    return task
                }
                await until { pool.statistics.multiplexing.inFlight == Lane.depth }
                // In flight, not yet in flight, and the one that the server runs.
                for task in [others[3], others[39], first] { task.cancel() }
                for task in [others[3], others[39], first] {
                    #expect(await failure { try await task.value } is CancellationError)
                }
                try await unlock()
                for (index, task) in others.enumerated() where index != 3 && index != 39 {
                    try await equal(task.value.rowCount, 1)
                }
            }
            // What was in flight has run; what was not has never been sent.
            try await equal(pool.query("SELECT value FROM shared WHERE id = 0", as: Int.self), [1])
            try await equal(
                pool.query("SELECT id FROM shared WHERE id > 0 ORDER BY id", as: Int.self),
                Array(1...39)
            )
        }
    }

    @Test("The server cancels a statement whose call has ended if no other is on its connection")
    func cancelsAlone() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let tasks = await (1...3).asyncMap { number in
                    let task = Task { try await pool.execute("UPDATE shared SET value = \(number) WHERE id = 0") }
                    await until { pool.statistics.multiplexing.inFlight == number }
                    return task
                }
                for task in tasks { task.cancel() }
                for task in tasks { #expect(await failure { try await task.value } is CancellationError) }
                // Served, although the row is still locked.
                try await equal(pool.query("SELECT 5", as: Int.self), [5])
                try await unlock()
            }
            try await equal(pool.query("SELECT value FROM shared WHERE id = 0", as: Int.self), [0])
        }
    }

    @Test("Each call ends at its own deadline, whatever it waits for")
    func deadlines() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let first = Task { try await pool.execute("UPDATE shared SET value = 7 WHERE id = 0") }
                await until { pool.statistics.multiplexing.inFlight == 1 }
                let second = Task { try await pool.execute("INSERT INTO shared VALUES (1, 0)", timeout: .seconds(2)) }
                await until { pool.statistics.multiplexing.inFlight == 2 }
                let error = await postgresFailure { try await second.value }
                #expect(error?.code == .timedOut && error?.outcome == .unknown)
                // Not sent behind a statement whose call has ended.
                let refused = await failure {
                    try await pool.execute("INSERT INTO shared VALUES (2, 0)", timeout: .milliseconds(20))
                }
                #expect((refused as? PoolError)?.code == .timedOut)
                try await unlock()
                try await equal(first.value.rowCount, 1)
            }
            try await equal(pool.query("SELECT id FROM shared ORDER BY id", as: Int.self), [0, 1])
        }
    }

    @Test("The configuration's statementTimeout begins when the server begins a statement")
    func statementTimeout() async throws {
        try await withSharedPool(
            connections: 1,
            {
                $0.pool.maximumConnections = 2
                $0.statementTimeout = .seconds(1)
            }
        ) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { _ in
                let error = await postgresFailure { try await pool.execute("UPDATE shared SET value = 7 WHERE id = 0") }
                #expect(error?.code == .timedOut)
                // After the server has cancelled the statement.
                try await equal(pool.query("SELECT value FROM shared", as: Int.self), [0])
            }
        }
    }

    @Test("A call behind a statement that waits for the caller's own transaction ends after checkoutTimeout")
    func behindOwnLock() async throws {
        try await withSharedPool(
            connections: 1,
            {
                $0.pool.maximumConnections = 2
                $0.pool.checkoutTimeout = .seconds(2)
            }
        ) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let blocked = Task { try await pool.execute("UPDATE shared SET value = 7 WHERE id = 0") }
                await until { pool.statistics.multiplexing.inFlight == 1 }
                let behind = Task { try await pool.execute("INSERT INTO shared VALUES (1, 0)") }
                await until { pool.statistics.multiplexing.inFlight == 2 }
                let error = await postgresFailure { try await behind.value }
                #expect(error?.code == .timedOut && error?.outcome == .unknown)
                try await unlock()
                // It has no time limit of its own.
                try await equal(blocked.value.rowCount, 1)
            }
        }
    }

    @Test("While other callers fill the pool's line, a lane waits for room in it")
    func fullLine() async throws {
        try await withSharedPool(
            connections: 1,
            {
                $0.pool.maximumConnections = 1
                $0.pool.maximumWaiters = 3
            }
        ) { pool in
            pool.multiplexer?.longestLease.store(1_000_000, ordering: .relaxed)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        // These may be refused themselves.
                        for _ in 0..<20 { try? await pool.withConnection { db in _ = try await db.query("SELECT 1") } }
                    }
                }
                for _ in 0..<3 {
                    group.addTask {
                        for number in 0..<20 { try await equal(pool.query("SELECT \(number)", as: Int.self), [number]) }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("Beyond maximumWaiters a call is refused")
    func tooManyWaiters() async throws {
        try await withSharedPool(
            connections: 1,
            {
                $0.pool.maximumConnections = 2
                $0.pool.maximumWaiters = 3
            }
        ) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let tasks = await (1...19).asyncMap { number in
                    let task = Task { try await pool.execute("UPDATE shared SET value = value + 1 WHERE id = 0") }
                    await until { pool.statistics.multiplexing.inFlight == min(number, Lane.depth) }
                    return task
                }
                await until { pool.statistics.multiplexing.total == 19 }
                let error = await failure { try await pool.query("SELECT 1") } as? PoolError
                #expect(error?.code == .tooManyWaiters)
                try await unlock()
                for task in tasks { try await equal(task.value.rowCount, 1) }
            }
            try await equal(pool.query("SELECT value FROM shared", as: Int.self), [19])
        }
    }

    @Test("A value that cannot be sent is the error of its own call")
    func unsendable() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            for _ in 0..<3 {
                // With an idle connection, and with others in flight.
                let alone = await postgresFailure { try await pool.query("SELECT \("a\0b")") }
                #expect(alone?.code == .encoding && alone?.outcome == .notExecuted)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<40 {
                        group.addTask {
                            if number.isMultiple(of: 4) {
                                let error = await postgresFailure { try await pool.query("SELECT \("a\0b")") }
                                #expect(error?.code == .encoding && error?.outcome == .notExecuted)
                            } else if number.isMultiple(of: 5) {
                                // Sent as an integer once that is known, which this value is not.
                                let error = await postgresFailure {
                                    try await pool.query("SELECT chr(\(number + 1 << 40))")
                                }
                                #expect(error != nil && error?.outcome != .unknown)
                            } else {
                                try await equal(pool.query("SELECT chr(\(64 + number % 20))", as: String.self).count, 1)
                                try await equal(pool.query("SELECT \(number)", as: Int.self), [number])
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("A deadline while the types of a statement are looked up harms no other statement")
    func deadlineOfLookup() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.executeScript(
                "CREATE TABLE instants (at timestamptz, id int); INSERT INTO instants VALUES (now(), 1)"
            )
            for round in 0..<3 {
                try await pool.withTransaction { db in
                    try await db.execute("LOCK TABLE instants")
                    // Its parameters are checked first, which needs the table.
                    let error = await failure {
                        // A text of its own in each round.
                        try await pool.query(
                            "SELECT id \(identifier: "round \(round)") FROM instants WHERE at < \(Date())",
                            timeout: .milliseconds(50)
                        )
                    }
                    #expect((error as? PostgresError)?.code == .timedOut || (error as? PoolError)?.code == .timedOut)
                    for number in 0..<20 { try await equal(pool.query("SELECT \(number)", as: Int.self), [number]) }
                }
                for number in 0..<20 { try await equal(pool.query("SELECT \(number)", as: Int.self), [number]) }
            }
        }
    }

    @Test("A call whose rows have types of the database ends at its deadline, and while its connection is lost")
    func undescribed() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            try await pool.executeScript("CREATE TYPE pair AS (a int, b text)")
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let first = Task {
                    try await pool.query("SELECT ARRAY[(1, 'x')::pair]", timeout: .seconds(2))
                }
                let blocked = Task { try await pool.execute("UPDATE shared SET value = 1 WHERE id = 0") }
                // Ends in any case, by its result or its deadline.
                _ = try? await first.value
                let loss = Task {
                    try await pool.query("SELECT ARRAY[(2, 'y')::pair, (3, 'z')::pair]")
                }
                await until { pool.statistics.multiplexing.inFlight >= 1 }
                try await TestServer.shared.psql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(pool.configuration.applicationName!)' AND wait_event_type = 'Lock'"
                )
                _ = try? await loss.value
                _ = try? await blocked.value
                try await unlock()
            }
            try await equal(pool.query("SELECT 1", as: Int.self), [1])
        }
    }

    @Test("If the server ends a connection, statements in flight are unknown and the others run elsewhere")
    func lostConnection() async throws {
        try await withSharedPool(connections: 1, { $0.pool.maximumConnections = 2 }) { pool in
            try await pool.makeSharedTable()
            pool.keepLanes()
            try await pool.withRowLock { unlock in
                let tasks = await (1...30).asyncMap { number in
                    let task = Task { try await pool.execute("UPDATE shared SET value = value + 1 WHERE id = 0") }
                    await until { pool.statistics.multiplexing.total == number }
                    return task
                }
                await until { pool.statistics.multiplexing.inFlight == Lane.depth }
                let inFlight = Lane.depth
                try await TestServer.shared.psql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(pool.configuration.applicationName!)' AND wait_event_type = 'Lock'"
                )
                for task in tasks.prefix(inFlight) {
                    let error = await postgresFailure { try await task.value }
                    #expect(error?.code == .outcomeUnknown && error?.sqlState == .adminShutdown)
                }
                try await unlock()
                for task in tasks.dropFirst(inFlight) { try await equal(task.value.rowCount, 1) }
                try await equal(pool.query("SELECT value FROM shared", as: Int.self), [30 - inFlight])
            }
        }
    }

    @Test("A statement on a connection that the server has ended while it was idle runs on another one")
    func lostWhileIdle() async throws {
        try await withSharedPool(connections: 2) { pool in
            for round in 0..<5 {
                async let one = pool.query("SELECT \(round)", as: Int.self)
                async let two = pool.query("SELECT \(round + 1)", as: Int.self)
                let values = try await (one, two)
                #expect(values.0 == [round] && values.1 == [round + 1])
                await until { pool.status.leased == 0 }
                let name = pool.configuration.applicationName!
                // Repeated, because a connection that is being opened is not ended.
                try await until {
                    try await TestServer.shared.psql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)'"
                    )
                    return try await TestServer.shared.backendCount(applicationName: name) == 0
                }
            }
        }
    }

    @Test("An unreachable server fails the calls with the reason")
    func unreachable() async throws {
        let (descriptor, port) = try listenOnLoopback()
        Foundation.close(descriptor)
        var configuration = PostgresConfiguration("host=127.0.0.1 port=\(port) sslmode=disable")
        // Not before the first attempt has failed.
        configuration.pool.circuitBreakerThreshold = .seconds(1)
        configuration.multiplexing = .singleStatements(connections: 2)
        let pool = try PostgresPool(configuration)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    let error = await postgresFailure { try await pool.query("SELECT 1") }
                    #expect(error?.code == .connectFailed)
                }
            }
            try await group.waitForAll()
        }
        await pool.close()
    }

    @Test("Under cancellations, failures and lost connections each acknowledged change is made once", arguments: 1...3)
    func storm(connections: Int) async throws {
        try await withSharedPool(connections: connections) { pool in
            try await pool.makeSharedTable()
            let acknowledged = Counted<Int>()
            let refused = Counted<Int>()
            let isOver = Counted<Void>()
            let killer = Task {
                while isOver.values.isEmpty {
                    try await TestServer.shared.psql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(pool.configuration.applicationName!)' ORDER BY random() LIMIT 1"
                    )
                }
            }
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<32 {
                    group.addTask {
                        for turn in 0..<60 {
                            let id = 1 + task * 1_000 + turn
                            let call = Task {
                                try await pool.execute("INSERT INTO shared VALUES (\(id), \(turn))")
                            }
                            if turn % 5 == 0 { call.cancel() }
                            do {
                                _ = try await call.value
                                acknowledged.add(id)
                            } catch let error as PostgresError where error.outcome == .notExecuted {
                                refused.add(id)
                            } catch let error as PoolError {
                                #expect(error.code == .timedOut || error.code == .connectFailed)
                                refused.add(id)
                            } catch {}
                            if let rows = try? await pool.query("SELECT \(id), \("\(id)")", as: (Int, String).self) {
                                #expect(rows.count == 1 && rows[0] == (id, "\(id)"))
                            }
                        }
                    }
                }
            }
            isOver.add(())
            try await killer.value
            // The server may not have ended the last session yet.
            var ids: [Int]?
            while ids == nil { ids = try? await pool.query("SELECT id FROM shared", as: Int.self) }
            let stored = Set(ids ?? [])
            #expect(stored.isSuperset(of: acknowledged.values))
            #expect(stored.isDisjoint(with: refused.values))
            #expect(!acknowledged.values.isEmpty)
        }
    }
}

extension Sequence where Element: Sendable {
    /// Returns the results of an asynchronous closure, which is called for one element after
    /// another.
    fileprivate func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { try await results.append(body(element)) }
        return results
    }
}
