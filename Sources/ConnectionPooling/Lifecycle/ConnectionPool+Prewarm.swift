// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

import CLockPoolThread
import LockPool

extension ConnectionPool {
    /// Makes `minimumConnections` connections, at least one, and suspends until they exist. A
    /// program with a wrong configuration thus fails at its start.
    ///
    /// A failed attempt is repeated as for a waiting caller, until `timeout` or
    /// `circuitBreakerThreshold` has passed, whichever is earlier. A permanent failure is not
    /// repeated. An idle connection is tested first if a caller's would be.
    ///
    /// - Parameters:
    ///   - timeout: The longest wait for all connections.
    ///   - file: The file of the call site, for errors of concurrent callers.
    ///   - line: The line of the call site.
    /// - Throws: ``PoolError``, as ``getOrCreate(timeout:file:line:)``.
    /// - Complexity: Holds the connections until all exist; other callers wait for them.
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

    /// The number of idle and leased connections.
    private var connectionCount: Int {
        let occupancy = lockPool.occupancy
        return occupancy.idle + occupancy.leased
    }
}
