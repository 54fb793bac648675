// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import ConnectionPooling

/// A connection to an imaginary service.
struct Greeter: ~Copyable, Sendable {
    func greet(_ name: String) async throws -> String { "Hello, \(name)!" }
}

// guide: factory
struct GreeterFactory: ConnectionFactory {
    func connect() async throws -> Greeter { Greeter() }
    func inspect(_ greeter: borrowing Greeter) -> ConnectionHealth { .reusable }
    func close(_ greeter: consuming Greeter) async {}
}
// end

func use() async throws {
    let name = "world"
    // guide: pool
    var configuration = ConnectionPoolConfiguration(name: "greetings")
    configuration.maximumConnections = 8
    configuration.maximumWaiters = 200
    configuration.checkoutTimeout = .seconds(2)
    let pool = try ConnectionPool(factory: GreeterFactory(), configuration: configuration)
    let greeting = try await pool.withConnection { greeter in try await greeter.greet(name) }
    print(greeting)
    // end

    // guide: errors
    do {
        _ = try await pool.withConnection { greeter in try await greeter.greet(name) }
    } catch let error as PoolError where error.code == .timedOut || error.code == .tooManyWaiters {
        print("Busy, try again later: \(error)")
    } catch let error as PoolError where error.code == .connectFailed {
        print("The service is down: \(error.underlying.map { "\($0)" } ?? "")")
    }
    // end

    // guide: snapshot
    let snapshot = pool.snapshot
    print("\(snapshot.status.leased) of \(snapshot.status.maximum) in use, \(snapshot.status.waiting) wait")
    if snapshot.waitTimes.quantile(0.99) > .milliseconds(100) { print("callers wait for long") }
    if let lease = snapshot.oldestLease { print("\(lease.callSite) has had a connection for \(lease.age)") }
    // end

    // guide: operations
    pool.suspend()  // a failover begins: callers wait
    pool.evictAll()  // connections to the old server are not used again
    pool.resume()
    await pool.shutdown(drain: .seconds(20))
    // end
}
