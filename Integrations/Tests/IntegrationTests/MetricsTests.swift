// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling
import CoreMetrics
import MetricsTestKit
import PoolTesting
import SQLitePooling
import Testing

@Suite struct MetricsTests {
    private let metrics = TestMetrics()
    private let name = ("db.client.connection.pool.name", "orders")

    private func meter(_ label: String, _ dimensions: [(String, String)] = []) throws -> TestMeter {
        try metrics.expectMeter("db.client.connection.\(label)", [name] + dimensions)
    }

    private func timer(_ label: String) throws -> TestTimer {
        try metrics.expectTimer("db.client.connection.\(label)", [name])
    }

    @Test("The times of a single connect, wait and use are exact, in nanoseconds")
    func times() async throws {
        let tested = try TestedPool("orders", observers: [.metrics(factory: metrics)])
        let lease = try await tested.pool.getOrCreate()
        #expect(try timer("create_time").values == [250_000_000])
        tested.clock.advance(by: .milliseconds(300))
        lease.release()
        await tested.pool.close()
        #expect(try timer("wait_time").values == [250_000_000])
        #expect(try timer("use_time").values == [300_000_000])
    }

    @Test("The times of many uses have the correct number, buckets and sum")
    func manyTimes() async throws {
        let tested = try TestedPool("orders", observers: [.metrics(factory: metrics)])
        try await tested.pool.withConnection { _ in }
        let seconds = [1, 1, 2, 40]
        for length in seconds {
            let lease = try await tested.pool.getOrCreate()
            tested.clock.advance(by: .seconds(length))
            lease.release()
        }
        await tested.pool.close()
        let values = try timer("use_time").values.filter { $0 > 1_000_000 }.sorted()
        #expect(values.count == seconds.count)
        for (value, length) in zip(values, seconds) {
            #expect(abs(Double(value) / 1e9 - Double(length)) <= Double(length) / 4)
        }
        #expect(abs(values.reduce(0, +) - 44_000_000_000) <= 5)
    }

    @Test("The pool's counts are counters, and the state of the circuit breaker is a meter")
    func counters() async throws {
        let tested = try TestedPool("orders", failures: 2, observers: [.metrics(factory: metrics)]) {
            $0.circuitBreakerThreshold = .zero
            $0.initialBackoff = .seconds(1)
            $0.maximumWaiters = 1
        }
        let pool = name
        func total(_ name: String, _ dimensions: [(String, String)] = []) -> Int64 {
            metrics.counterTotal(label: "lock_pool.\(name)", dimensions: [pool] + dimensions)
        }
        func breaker() -> TestMeter? { try? metrics.expectMeter("lock_pool.breaker.open", [pool]) }
        await #expect(throws: PoolError.self) { try await tested.pool.withConnection { _ in } }
        await until { breaker()?.lastValue == 1 }
        await tested.advance { breaker()?.lastValue == 0 && tested.pool.status.idle == 1 }
        let lease = try await tested.pool.getOrCreate()
        let waiter = Task { try await tested.pool.withConnection { _ in } }
        await until { tested.pool.status.waiting == 1 }
        await #expect(throws: PoolError.self) { try await tested.pool.withConnection { _ in } }
        waiter.cancel()
        _ = await waiter.result
        lease.discard()
        await tested.pool.close()
        #expect(total("acquired") == 1 && total("created") == 1 && total("connect_failures") == 2)
        #expect(total("refused") == 2 && total("cancelled") == 1 && total("validation_failures") == 0)
        #expect(total("closed", [("lock_pool.reason", "discarded")]) == 1)
    }

    @Test("The meters have the used, idle and maximum connections, and the number of waiters")
    func meters() async throws {
        let tested = try TestedPool("orders", observers: [.metrics(factory: metrics)]) {
            $0.maximumConnections = 3
            $0.minimumConnections = 2
            $0.idleTimeout = nil
        }
        let lease = try await tested.pool.getOrCreate()
        await tested.advance { (try? meter("count", [("db.client.connection.state", "idle")]))?.lastValue == 1 }
        #expect(try meter("count", [("db.client.connection.state", "used")]).lastValue == 1)
        #expect(try meter("max").lastValue == 3 && meter("idle.max").lastValue == 3)
        #expect(try meter("idle.min").lastValue == 2 && meter("pending_requests").lastValue == 0)
        lease.release()
    }

    @Test("A caller whose deadline passes is counted as a timeout")
    func timeouts() async throws {
        let tested = try TestedPool("orders", observers: [.metrics(factory: metrics)])
        let lease = try await tested.pool.getOrCreate()
        let waiter = Task { try await tested.pool.withConnection(timeout: .seconds(5)) { _ in } }
        await tested.advance { (try? meter("pending_requests"))?.values.contains(1) == true }
        await tested.advance { tested.pool.status.waiting == 0 }
        await #expect(throws: PoolError.self) { try await waiter.value }
        await tested.advance {
            metrics.counterTotal(label: "db.client.connection.timeouts", dimensions: [name]) == 1
        }
        lease.release()
    }

    @Test("The meters of a closed pool are zero")
    func closing() async throws {
        let tested = try TestedPool("orders", observers: [.metrics(factory: metrics)])
        try await tested.pool.withConnection { _ in }
        await tested.advance { (try? meter("count", [("db.client.connection.state", "idle")]))?.lastValue == 1 }
        await tested.pool.close()
        for state in ["idle", "used"] {
            #expect(try meter("count", [("db.client.connection.state", state)]).lastValue == 0)
        }
    }

    @Test("A pool's metrics are made once")
    func creation() async throws {
        let factory = CountingFactory(metrics: metrics)
        let observer = PoolMetrics(factory: factory)
        let tested = try TestedPool("orders", observers: [observer])
        for _ in 0..<100 { try await tested.pool.withConnection { _ in } }
        await tested.pool.close()
        let made = factory.made
        await (try TestedPool("orders", observers: [observer])).pool.close()
        #expect(factory.made == made)
        #expect(try timer("use_time").values.count == 100)
    }

    @Test("The measurement of uses can be disabled, and units can be named")
    func options() async throws {
        let observer = PoolMetrics(factory: metrics, measuresUses: false, namesUnits: true)
        let tested = try TestedPool("orders", observers: [observer])
        try await tested.pool.withConnection { _ in }
        await tested.pool.close()
        let timer = try metrics.expectTimer("db.client.connection.wait_time", [name, ("unit", "s")])
        #expect(timer.values.count == 1)
        #expect(try metrics.expectTimer("db.client.connection.use_time", [name, ("unit", "s")]).values.isEmpty)
    }

    @Test("Both pools of a SQLite file have metrics with the configuration's name")
    func sqlite() async throws {
        var configuration = SQLiteConfiguration()
        configuration.pool.name = "library"
        let pool = try SQLitePool(configuration, observers: [.metrics(factory: metrics)])
        try await pool.execute("CREATE TABLE book (title TEXT)")
        _ = try await pool.query("SELECT title FROM book", as: String.self)
        await pool.close()
        for name in ["library readers", "library writer"] {
            let dimensions = [("db.client.connection.pool.name", name)]
            #expect(try metrics.expectTimer("db.client.connection.create_time", dimensions).values.count == 1)
        }
    }
}

/// Counts the metrics that it makes, which come from another factory.
private final class CountingFactory: MetricsFactory {
    let metrics: TestMetrics
    private let count = Tally()

    init(metrics: TestMetrics) { self.metrics = metrics }

    var made: Int { count.value }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        count.add()
        return metrics.makeCounter(label: label, dimensions: dimensions)
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        count.add()
        return metrics.makeMeter(label: label, dimensions: dimensions)
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        count.add()
        return metrics.makeRecorder(label: label, dimensions: dimensions, aggregate: aggregate)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        count.add()
        return metrics.makeTimer(label: label, dimensions: dimensions)
    }

    func destroyCounter(_ handler: any CounterHandler) { metrics.destroyCounter(handler) }
    func destroyMeter(_ handler: any MeterHandler) { metrics.destroyMeter(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { metrics.destroyRecorder(handler) }
    func destroyTimer(_ handler: any TimerHandler) { metrics.destroyTimer(handler) }
}
