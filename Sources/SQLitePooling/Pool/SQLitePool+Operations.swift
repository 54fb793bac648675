// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import ConnectionPooling

// Operations for monitoring and controlling a pool. They concern the readers and the writer.

extension SQLitePool {
    /// The current use of the pool's connections: the sums of the readers and the writer.
    /// O(connections).
    public var status: PoolStatus { PoolStatus(readers.status, writer.status) }

    /// The state and the statistics of the pool: the waits of callers, the use of connections, the
    /// call site of the oldest lease, and the latest failure to open the file. The numbers are the
    /// sums of the readers and the writer; their maximum is one more than that of the readers.
    /// O(connections).
    ///
    /// ``statistics-swift.property`` has the figures of the write-ahead log.
    public var snapshot: PoolSnapshot {
        let (reading, writing) = (readers.snapshot, writer.snapshot)
        return PoolSnapshot(
            status: PoolStatus(reading.status, writing.status),
            counters: PoolCounters(reading.counters, writing.counters),
            waitTimes: reading.waitTimes + writing.waitTimes,
            useTimes: reading.useTimes + writing.useTimes,
            oldestLease: [reading.oldestLease, writing.oldestLease].compactMap { $0 }.max { $0.age < $1.age },
            lastConnectFailure: writing.lastConnectFailure ?? reading.lastConnectFailure
        )
    }

    /// Whether the pool accepts callers. O(1).
    ///
    /// While an operation changes the readers and the writer one after the other, the state is the
    /// more restrictive of the two; `draining` until both are closed.
    public var state: PoolState {
        switch (readers.state, writer.state) {
        case (let reading, let writing) where reading == writing: reading
        case (.accepting, .suspended), (.suspended, .accepting): .suspended
        default: .draining
        }
    }

    /// Starts to open the connections that `minimumConnections` and `minimumIdleConnections`
    /// require. Returns at once.
    public func prewarm() {
        if configuration.mode.mayWrite { writer.prewarm() }
        readers.prewarm()
    }

    /// Opens the writer, unless the pool is read-only, and `minimumConnections` readers, at least
    /// one, and suspends until they are open. A program with a wrong configuration thus fails at
    /// its start.
    ///
    /// - Parameter timeout: The time limit for all of them.
    /// - Throws: As ``read(timeout:checkoutTimeout:file:line:_:)`` for a caller that gets no
    ///   connection.
    /// - Complexity: Holds the connections of one kind until all of them are open.
    public func prewarm(timeout: Duration) async throws {
        let began = ContinuousClock.now
        do throws(PoolError) {
            if configuration.mode.mayWrite { try await writer.prewarm(timeout: timeout) }
            try await readers.prewarm(timeout: max(.zero, timeout - began.duration(to: .now)))
        } catch {
            throw error.cause
        }
    }

    /// Changes the maximum number of readers at run time.
    ///
    /// A lower maximum closes connections: idle ones now, others when their bodies end.
    ///
    /// - Parameter maximum: A number from 1 to 100,000. Each reader has a thread.
    /// - Throws: `PoolError` with the code `invalidConfiguration` for another number.
    /// - Complexity: O(connections).
    public func resize(to maximum: Int) throws(PoolError) {
        try readers.resize(to: maximum)
        detector.resize(to: maximum)
    }

    /// Runs no body until ``resume()``, for example while another program replaces the file.
    /// Callers wait in line until their deadlines. Running bodies continue. A concurrent caller
    /// may still receive a connection.
    ///
    /// ``evictAll()`` also closes the connections that the pool retains.
    public func suspend() {
        writer.suspend()
        readers.suspend()
    }

    /// Runs bodies again, that of the longest-waiting caller first.
    public func resume() {
        writer.resume()
        readers.resume()
    }

    /// Replaces all connections: idle ones are closed now, others when their bodies end. A call
    /// that begins after this method has returned uses a new connection. O(connections).
    ///
    /// The next connection creates the file if it is missing, as the mode of the pool says, and
    /// turns on its write-ahead log.
    public func evictAll() {
        file.forgetPreparation()
        writer.evictAll()
        readers.evictAll()
    }

    /// Closes the connections, the readers first. A connection in use is closed when its body has
    /// ended.
    ///
    /// Suspends until all connections that were not in use are closed. Waiting and later calls
    /// fail. Safe to call repeatedly, and from several tasks at once.
    public func close() async {
        await readers.close()
        // The last connection to close copies the log into the database file, and only a writing
        // connection can do that.
        await writer.close()
        file.changes.finish()
        file.location.temporary?.remove()
    }
}

extension PoolStatus {
    /// Creates the sums of two statuses.
    fileprivate init(_ first: PoolStatus, _ second: PoolStatus) {
        self.init(
            maximum: first.maximum + second.maximum,
            minimum: first.minimum + second.minimum,
            leased: first.leased + second.leased,
            idle: first.idle + second.idle,
            changing: first.changing + second.changing,
            waiting: first.waiting + second.waiting
        )
    }
}

extension PoolCounters {
    /// Creates the sums of two counts.
    fileprivate init(_ first: PoolCounters, _ second: PoolCounters) {
        self.init(
            acquired: first.acquired + second.acquired,
            created: first.created + second.created,
            connectFailures: first.connectFailures + second.connectFailures,
            closed: first.closed.merging(second.closed, uniquingKeysWith: +),
            refusals: first.refusals.merging(second.refusals, uniquingKeysWith: +)
        )
    }
}
