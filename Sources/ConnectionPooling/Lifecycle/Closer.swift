// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Closes connections in tasks of its own, and tracks when all are closed.
///
/// It outlives the pool: a dropped pool leaves its connections to the closer.
final class Closer<Factory: ConnectionFactory>: Sendable {
    private struct State {
        /// The number of connections in the pool or being closed.
        var open = 0
        var closing = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
        var interruptions: [Int: @Sendable () -> Void] = [:]
    }

    private let factory: Factory
    private let timeLimiter: TimeLimiter
    private let timeout: UInt64
    private let state = Locked(State())

    init(factory: Factory, timeLimiter: TimeLimiter, timeout: UInt64) {
        self.factory = factory
        self.timeLimiter = timeLimiter
        self.timeout = timeout
    }

    /// The number of connections that are being closed.
    var closing: Int { state.withLock { $0.closing } }

    /// Whether no connection is left.
    var isAllClosed: Bool { state.withLock { $0.open == 0 && $0.closing == 0 } }

    /// Counts a new connection.
    func opened() { state.withLock { $0.open += 1 } }

    /// Counts a connection that has left the pool open.
    func detached() {
        state.withLock { $0.open -= 1 }
        changed()
    }

    /// Stores the function that interrupts the connection in a slot.
    func set(_ interruption: (@Sendable () -> Void)?, for slot: Int) {
        state.withLock { $0.interruptions[slot] = interruption }
    }

    /// Interrupts the operation of the lease holder of the connection in a slot.
    func interrupt(_ slot: Int) { state.withLock { $0.interruptions[slot] }?() }

    /// Closes `connection` in the background.
    ///
    /// - Parameters:
    ///   - isCounted: Whether the connection was in the pool.
    ///   - completion: Called when the connection is closed, or after the time limit of the
    ///     close.
    func close(
        _ connection: consuming Factory.Connection,
        isCounted: Bool = true,
        completion: @escaping @Sendable () -> Void = {}
    ) {
        state.withLock { $0.closing += 1 }
        let connection = Handoff(connection)
        Task.detached { [self] in
            _ = await timeLimiter.run(within: timeout) { [factory] in
                await factory.close(connection.take())
            } late: { _ in
            }
            completion()
            state.withLock { state in
                state.closing -= 1
                if isCounted { state.open -= 1 }
            }
            changed()
        }
    }

    /// Resumes all watchers, which then check their conditions.
    func changed() {
        let watchers = state.withLock { state in
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    /// Suspends until `condition` holds. The condition changes only before calls of `changed`.
    func wait(until condition: @escaping @Sendable () -> Bool) async {
        var isFulfilled = false
        while !isFulfilled {
            await withCheckedContinuation { continuation in
                // The watcher is registered first: a change after the check resumes it.
                state.withLock { $0.watchers.append(continuation) }
                if condition() { changed() }
            }
            isFulfilled = condition()
        }
    }

    /// Suspends until no connection is being closed.
    func waitUntilClosed() async {
        await wait { [self] in closing == 0 }
    }
}
