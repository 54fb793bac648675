// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import LockPool

extension ConnectionPool {
    /// Makes the connections that `minimumConnections` asks for, at least one, and suspends until they are there: so that a program with a
    /// wrong configuration fails at its start.
    ///
    /// A failed attempt is repeated as for a caller that waits, until `timeout` or `circuitBreakerThreshold` has passed, whichever comes
    /// first; one that the factory calls permanent is not. An idle connection is tested first where a caller's would be.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait for all of them.
    ///   - file: Where the call is, for errors of other callers meanwhile.
    ///   - line: The line of the call.
    /// - Throws: ``PoolError``, as ``getOrCreate(timeout:file:line:)``.
    /// - Complexity: Holds the connections until all are there; callers that ask meanwhile wait for them.
    public func prewarm(
        timeout: Duration,
        file: StaticString = #fileID,
        line: UInt = #line
    ) async throws(PoolError) {
        startUpkeep()
        let (began, patience) = (time.now, timeout.wholeNanoseconds)
        let caller = Caller(file, line)
        var held: [LeasedSlot] = []
        defer { for slot in held { context.takeBack(slot) } }
        repeat {
            if let idle = takeIdle(caller) {
                held.append(idle)
                continue
            }
            let now = time.now
            let waited = now > began ? now - began : 0
            let rest = Duration.nanoseconds(Int64(patience > waited ? patience - waited : 0))
            held.append(try await waitForConnection(timeout: rest, caller))
        } while held.count < configuration.minimumConnections && connectionCount < configuration.minimumConnections
    }

    /// How many connections there are that a caller has or can have.
    private var connectionCount: Int {
        let occupancy = lockPool.occupancy
        return occupancy.idle + occupancy.leased
    }
}
