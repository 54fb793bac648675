// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Closes connections, in tasks of its own, and knows when all are closed.
///
/// It outlives the pool: a pool that is dropped leaves it the connections.
final class Closer<Factory: ConnectionFactory>: Sendable {
    private struct State {
        /// Connections that there are, in the pool or on their way out.
        var open = 0
        var closing = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
        var interruptions: [Int: @Sendable () -> Void] = [:]
    }

    private let factory: Factory
    private let patient: Patient
    private let timeout: UInt64
    private let state = Locked(State())

    init(factory: Factory, patient: Patient, timeout: UInt64) {
        self.factory = factory
        self.patient = patient
        self.timeout = timeout
    }

    /// How many connections are being closed.
    var closing: Int { state.withLock { $0.closing } }

    /// Whether there is no connection any more.
    var isAllClosed: Bool { state.withLock { $0.open == 0 && $0.closing == 0 } }

    /// There is one connection more.
    func opened() { state.withLock { $0.open += 1 } }

    /// A connection has left the pool open.
    func detached() {
        state.withLock { $0.open -= 1 }
        changed()
    }

    /// What ends the use of the connection in a place.
    func set(_ interruption: (@Sendable () -> Void)?, for place: Int) {
        state.withLock { $0.interruptions[place] = interruption }
    }

    /// Ends what the holder of the connection in a place is doing with it.
    func interrupt(_ place: Int) { state.withLock { $0.interruptions[place] }?() }

    /// Closes `connection` in the background.
    ///
    /// - Parameters:
    ///   - isCounted: Whether it was in the pool.
    ///   - completion: Called when the connection is closed, or the close has taken too long.
    func close(
        _ connection: consuming Factory.Connection,
        isCounted: Bool = true,
        completion: @escaping @Sendable () -> Void = {}
    ) {
        state.withLock { $0.closing += 1 }
        let connection = Handoff(connection)
        Task.detached { [self] in
            _ = await patient.run(within: timeout) { [factory] in
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

    /// Something that somebody may wait for has changed.
    func changed() {
        let watchers = state.withLock { state in
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    /// Suspends until `condition` holds, which changes only before calls of `changed`.
    func wait(until condition: @escaping @Sendable () -> Bool) async {
        var isFulfilled = false
        while !isFulfilled {
            await withCheckedContinuation { continuation in
                // In line first: a change after the look finds the watcher.
                state.withLock { $0.watchers.append(continuation) }
                if condition() { changed() }
            }
            isFulfilled = condition()
        }
    }

    /// Suspends until nothing is being closed.
    func waitUntilClosed() async {
        await wait { [self] in closing == 0 }
    }
}

/// Carries a noncopyable value into an escaping closure, which cannot consume what it captures.
final class Handoff<Value: ~Copyable & Sendable>: Sendable {
    private let value: Locked<Value?>

    init(_ value: consuming Value) { self.value = Locked(value) }

    /// The value; traps when it has been taken before.
    func take() -> Value {
        value.withLock { $0.take() }!
    }
}
