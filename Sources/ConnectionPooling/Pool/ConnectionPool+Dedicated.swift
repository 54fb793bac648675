// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import LockPool

// For back ends with a connection of their own besides those of the pool.

extension ConnectionPool {
    /// Makes a connection that is not one of the pool's, within the configuration's
    /// `connectTimeout`. Neither counts nor limits it, and calls no hook. The caller closes it.
    ///
    /// - Throws: The error of the factory; ``PoolError`` with the code `connectFailed` if the
    ///   time limit has passed.
    package func connectDedicated() async throws -> Factory.Connection {
        let outcome = await timeLimiter.run(within: configuration.connectTimeout.wholeNanoseconds) { [factory] in
            try await factory.connect()
        } late: { [closer] connection in
            closer.close(connection, isCounted: false)
        }
        switch consume outcome {
        case .finished(let connection): return connection
        case .failed(let error): throw error
        case .timedOut:
            let cause = PoolError.ConnectTimedOut(timeout: configuration.connectTimeout)
            throw PoolError(.connectFailed, pool: configuration.name, underlying: cause)
        }
    }

    /// Suspends for the pause after a number of failed connection attempts in a row: at random
    /// below a bound that doubles up to `maximumBackoff`, or up to a second if that is zero.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    package func pause(afterFailures failures: Int) async throws {
        let backoff = growth.plan.withLock { $0.backoff }
        let isRetried = backoff.most > 0
        let used = isRetried ? backoff : Backoff(base: 1_000_000_000, most: 1_000_000_000)
        try await time.sleep(nanoseconds: used.delay(failures: failures, random: .random(in: 0..<1)))
    }
}
