// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling
internal import Synchronization

/// The subscribers to the changes of a pool.
final class ChangeHub: Sendable {
    private struct State {
        var buffers: [ChangeBuffer] = []
        var isFinished = false
    }

    private let state = Locked(State())
    private let count = Atomic(0)
    private let limit = Atomic(0)

    /// Whether changes have subscribers. O(1), without a lock.
    var isActive: Bool { count.load(ordering: .relaxed) > 0 }

    /// The greatest number of row IDs of a table that a subscriber receives.
    var rowLimit: Int { limit.load(ordering: .relaxed) }

    /// Adds a subscriber. If the pool is closed, its sequence ends.
    func add(_ buffer: ChangeBuffer) {
        let isFinished = state.withLock { state in
            if !state.isFinished {
                state.buffers.append(buffer)
                update(state.buffers)
            }
            return state.isFinished
        }
        if isFinished { buffer.finish(discarding: false) }
    }

    func remove(_ buffer: ChangeBuffer) {
        state.withLock { state in
            state.buffers.removeAll { $0 === buffer }
            update(state.buffers)
        }
    }

    private func update(_ buffers: [ChangeBuffer]) {
        count.store(buffers.count, ordering: .relaxed)
        limit.store(buffers.map(\.rowLimit).max() ?? 0, ordering: .relaxed)
    }

    /// Passes committed changes to all subscribers. O(subscribers × changed tables and rows).
    func publish(_ changes: ChangeSet) {
        let buffers = state.withLock(\.buffers)
        for buffer in buffers { buffer.append(changes) }
    }

    /// Ends all sequences, because the pool is closed.
    func finish() {
        let buffers = state.withLock { state in
            state.isFinished = true
            defer {
                state.buffers = []
                update([])
            }
            return state.buffers
        }
        for buffer in buffers { buffer.finish(discarding: false) }
    }
}

/// The shared owner of a subscription, which ends with it.
final class ChangeSubscription: Sendable {
    let buffer: ChangeBuffer
    private let hub: ChangeHub
    /// Looks for changes by other connections; `nil` if the subscriber does not want that.
    private let polling: Locked<Task<Void, Never>?> = Locked(nil)

    init(_ buffer: ChangeBuffer, _ hub: ChangeHub) {
        self.buffer = buffer
        self.hub = hub
    }

    deinit { cancel() }

    /// Begins to receive changes.
    func begin() { hub.add(buffer) }

    /// Adds a task that ends with the subscription.
    func poll(by task: Task<Void, Never>) { polling.withLock { $0 = task } }

    func cancel() {
        hub.remove(buffer)
        buffer.finish(discarding: true)
        polling.withLock { $0.take() }?.cancel()
    }
}
