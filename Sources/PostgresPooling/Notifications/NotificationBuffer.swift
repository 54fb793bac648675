// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The elements of one subscription that its consumer has not read yet.
///
/// Holds a bounded number of notifications. Beyond it the oldest is dropped, and counted by the
/// gap that precedes the rest. Gaps after a reconnection are never dropped: adjacent ones become
/// one.
final class NotificationBuffer: Sendable {
    let channels: Set<NotificationChannel>
    private let capacity: Int
    private let state = Locked(State())

    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<PostgresNotifications.Event?, Never>
    }

    private struct State {
        var queue = NotificationQueue()
        var waiters: [Waiter] = []
        var lastWaiter: UInt64 = 0
        var isFinished = false

        /// Removes the waiters for which there are elements, in FIFO order.
        mutating func serve() -> [(Waiter, PostgresNotifications.Event)] {
            var served: [(Waiter, PostgresNotifications.Event)] = []
            while served.count < waiters.count, let event = queue.next() {
                served.append((waiters[served.count], event))
            }
            waiters.removeFirst(served.count)
            return served
        }
    }

    init(channels: Set<NotificationChannel>, capacity: Int) {
        self.channels = channels
        self.capacity = capacity
    }

    /// Appends the notifications of the subscription's channels. O(notifications).
    func append(_ received: [ReceivedNotification]) {
        let served = state.withLock { state in
            if state.isFinished { return [] as [(Waiter, PostgresNotifications.Event)] }
            for one in received where channels.contains(one.channel) {
                state.queue.append(one.event, capacity: capacity)
            }
            return state.serve()
        }
        for (waiter, event) in served { waiter.continuation.resume(returning: event) }
    }

    /// Appends a gap, because another connection listens now.
    func appendReconnection(after error: PostgresError) {
        let served = state.withLock { state in
            if state.isFinished { return [] as [(Waiter, PostgresNotifications.Event)] }
            state.queue.appendReconnection(after: error)
            return state.serve()
        }
        for (waiter, event) in served { waiter.continuation.resume(returning: event) }
    }

    /// Ends the sequence after the elements that it has.
    ///
    /// - Parameter discarding: Whether these are discarded.
    func finish(discarding: Bool) {
        let waiters = state.withLock { state in
            state.isFinished = true
            if discarding { state.queue = NotificationQueue() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// Returns the next element; `nil` at the end, or if the task is cancelled.
    func next(isolation actor: isolated (any Actor)? = #isolation) async -> PostgresNotifications.Event? {
        if Task.isCancelled { return nil }
        let id: UInt64 = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { wait($0, id) }
        } onCancel: {
            cancel(id)
        }
    }

    private func wait(_ continuation: CheckedContinuation<PostgresNotifications.Event?, Never>, _ id: UInt64) {
        enum Answer { case now(PostgresNotifications.Event?), later }
        let answer: Answer = state.withLock { state in
            // A cancellation before this sees no waiter, but is seen here.
            if Task.isCancelled { return .now(nil) }
            if let event = state.queue.next() { return .now(event) }
            if state.isFinished { return .now(nil) }
            state.waiters.append(Waiter(id: id, continuation: continuation))
            return .later
        }
        if case .now(let event) = answer { continuation.resume(returning: event) }
    }

    private func cancel(_ id: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: nil)
    }
}
