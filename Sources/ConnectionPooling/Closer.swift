// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Closes connections, in tasks of its own, and knows when all are closed.
///
/// It outlives the pool: a pool that is dropped leaves it the connections.
final class Closer<Factory: ConnectionFactory>: Sendable {
    private struct State {
        var closing = 0
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let factory: Factory
    private let state = Locked(State())

    init(factory: Factory) { self.factory = factory }

    /// Closes `connection` in the background.
    ///
    /// - Parameter completion: Called when the connection is closed.
    func close(_ connection: consuming Factory.Connection, completion: @escaping @Sendable () -> Void = {}) {
        state.withLock { $0.closing += 1 }
        let connection = Handoff(connection)
        Task.detached { [self] in
            await factory.close(connection.take())
            completion()
            let watchers = state.withLock { state in
                state.closing -= 1
                guard state.closing == 0 else { return [] as [CheckedContinuation<Void, Never>] }
                defer { state.watchers = [] }
                return state.watchers
            }
            for watcher in watchers { watcher.resume() }
        }
    }

    /// Suspends until nothing is being closed.
    func waitUntilClosed() async {
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if state.closing > 0 { state.watchers.append(continuation) }
                return state.closing == 0
            }
            if isClosed { continuation.resume() }
        }
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
