// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// What the consumer of a subscription has not read yet.
@usableFromInline
package protocol SubscriptionContents: Sendable {
    associatedtype Element: Sendable

    /// Removes and returns the next element; `nil` if there is none.
    mutating func next() -> Element?

    /// Discards the elements.
    mutating func removeAll()
}

/// The elements of a subscription that its consumer has not read yet, and the tasks that wait for
/// the next one, in FIFO order.
///
/// Inlined into the database pools, like ``Locked``.
@usableFromInline
package final class SubscriptionBuffer<Contents: SubscriptionContents>: Sendable {
    @usableFromInline
    struct Waiter: Sendable {
        @usableFromInline let id: UInt64
        @usableFromInline let continuation: CheckedContinuation<Contents.Element?, Never>

        @inlinable
        init(id: UInt64, continuation: CheckedContinuation<Contents.Element?, Never>) {
            self.id = id
            self.continuation = continuation
        }
    }

    @usableFromInline
    struct State: Sendable {
        @usableFromInline var contents: Contents
        @usableFromInline var waiters: [Waiter] = []
        @usableFromInline var lastWaiter: UInt64 = 0
        @usableFromInline var isFinished = false

        @inlinable
        init(contents: Contents) { self.contents = contents }

        /// Removes the waiters for which there are elements.
        @inlinable
        mutating func serve() -> [(Waiter, Contents.Element)] {
            var served: [(Waiter, Contents.Element)] = []
            while served.count < waiters.count, let element = contents.next() {
                served.append((waiters[served.count], element))
            }
            waiters.removeFirst(served.count)
            return served
        }
    }

    @usableFromInline let state: Locked<State>

    package init(_ contents: Contents) { state = Locked(State(contents: contents)) }

    /// Changes the contents, and serves the tasks that wait. Does nothing after the end.
    @inlinable
    package func update(_ change: (inout Contents) -> Void) {
        let served = state.withLock { state in
            if state.isFinished { return [] as [(Waiter, Contents.Element)] }
            change(&state.contents)
            return state.serve()
        }
        for (waiter, element) in served { waiter.continuation.resume(returning: element) }
    }

    /// Returns the result of `body`, which adds no elements.
    @inlinable
    package func withContents<Value: Sendable>(_ body: (inout Contents) -> Value) -> Value {
        state.withLock { body(&$0.contents) }
    }

    /// Ends the sequence after the elements that it has.
    ///
    /// - Parameter discarding: Whether these are discarded.
    @inlinable
    package func finish(discarding: Bool) {
        let waiters = state.withLock { state in
            state.isFinished = true
            if discarding { state.contents.removeAll() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// Returns the next element; `nil` at the end, or if the task is cancelled.
    @inlinable
    package func next(isolation actor: isolated (any Actor)? = #isolation) async -> Contents.Element? {
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

    @inlinable
    func wait(_ continuation: CheckedContinuation<Contents.Element?, Never>, _ id: UInt64) {
        let answer: Contents.Element?? = state.withLock { state in
            // A cancellation before this sees no waiter, but is seen here.
            if Task.isCancelled { return .some(nil) }
            if let element = state.contents.next() { return .some(element) }
            if state.isFinished { return .some(nil) }
            state.waiters.append(Waiter(id: id, continuation: continuation))
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
    }

    @inlinable
    func cancel(_ id: UInt64) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: nil)
    }
}
