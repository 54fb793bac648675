// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The subscriptions of a pool, and the task that listens for them on one connection.
///
/// The task runs while there are subscriptions. It alone uses the connection. Other tasks change
/// `state`, and wake it.
final class NotificationListener: Sendable {
    struct State {
        /// `nil` when the pool is closed.
        var pool: ConnectionPool<PostgresConnectionFactory>?
        var subscribers: [ObjectIdentifier: Subscriber] = [:]
        /// The errors of calls that have failed before they waited.
        var failed: [ObjectIdentifier: any Error] = [:]
        /// The number of subscriptions of each channel.
        var wanted: [NotificationChannel: Int] = [:]
        /// The channels on which the current connection listens.
        var active: Set<NotificationChannel> = []
        /// The connection that the task uses, once it has one.
        var session: Session?
        /// The pause between two connection attempts.
        var pause: Task<Void, Never>?
        var task: Task<Void, Never>?
        /// Whether the current connection is to be replaced.
        var isEvicted = false
        var reconnections = 0
        /// The reason why there is no connection.
        var failure: (any Error)?
    }

    /// A subscription.
    struct Subscriber {
        let buffer: NotificationBuffer
        /// Whether the server has begun to listen on all its channels.
        var isReady = false
        /// The caller that waits for that.
        var caller: CheckedContinuation<Void, any Error>?
    }

    let state: Locked<State>
    let configuration: PostgresConfiguration

    init(_ pool: ConnectionPool<PostgresConnectionFactory>, _ configuration: PostgresConfiguration) {
        state = Locked(State(pool: pool))
        self.configuration = configuration
    }

    // MARK: Subscriptions

    /// Subscribes to channels, and suspends until the server listens on all of them.
    ///
    /// - Throws: `CancellationError`; ``PostgresError`` or `PoolError` if the server cannot listen
    ///   or does not in time.
    func subscribe(
        to channels: Set<NotificationChannel>,
        capacity: Int,
        timeout: Duration
    ) async throws -> NotificationSubscription {
        let buffer = NotificationBuffer(channels: channels, capacity: capacity)
        // Removes the buffer if this call fails.
        let subscription = NotificationSubscription(buffer, self)
        try add(buffer)
        let timer = Task.detached { [weak self, weak buffer] in
            try await Task.sleep(for: timeout)
            if let self, let buffer { fail(buffer, timedOut()) }
        }
        defer { timer.cancel() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait($0, for: buffer) }
        } onCancel: {
            fail(buffer, CancellationError())
        }
        return subscription
    }

    private func add(_ buffer: NotificationBuffer) throws {
        let session: Session? = try state.withLock { state in
            if state.pool == nil { throw closed }
            var subscriber = Subscriber(buffer: buffer)
            for channel in buffer.channels { state.wanted[channel, default: 0] += 1 }
            // The next notification of these channels is passed to all subscribers.
            subscriber.isReady = buffer.channels.isSubset(of: state.active)
            state.subscribers[ObjectIdentifier(buffer)] = subscriber
            if state.task == nil { state.task = Task.detached { [self] in await run() } }
            return state.session
        }
        session?.wake()
    }

    private func wait(_ caller: CheckedContinuation<Void, any Error>, for buffer: NotificationBuffer) {
        let id = ObjectIdentifier(buffer)
        let result: Result<Void, any Error>? = state.withLock { state in
            if let error = state.failed.removeValue(forKey: id) { return .failure(error) }
            guard let subscriber = state.subscribers[id] else { return .failure(closed) }
            if subscriber.isReady { return .success(()) }
            state.subscribers[id]?.caller = caller
            return nil
        }
        if let result { caller.resume(with: result) }
    }

    /// Fails the call that has subscribed, unless it has returned.
    private func fail(_ buffer: NotificationBuffer, _ error: any Error) {
        let caller = state.withLock { $0.fail(buffer, error) }
        caller?.resume(throwing: error)
    }

    /// Fails the calls that have subscribed and have not returned.
    ///
    /// - Parameter channels: Only those of these channels; `nil` for all.
    func failCallers(of channels: Set<NotificationChannel>? = nil, _ error: any Error) {
        let callers = state.withLock { state in
            let buffers = state.subscribers.values.map(\.buffer).filter {
                channels?.isDisjoint(with: $0.channels) != true
            }
            return buffers.compactMap { state.fail($0, error) }
        }
        for caller in callers { caller.resume(throwing: error) }
    }

    /// Ends a subscription. Does nothing if it has ended.
    func remove(_ buffer: NotificationBuffer) {
        let (session, pause) = state.withLock { state in
            state.remove(buffer)
            return (state.session, state.subscribers.isEmpty ? state.pause : nil)
        }
        pause?.cancel()
        session?.wake()
    }

    // MARK: The pool

    /// Makes the task replace its connection.
    func evict() {
        let session = state.withLock { state in
            state.isEvicted = state.session != nil
            return state.session
        }
        session?.wake()
    }

    /// Ends all subscriptions, and the task. Later ones fail. Returns at once.
    func end() {
        let (subscribers, session, pause) = state.withLock { state in
            defer {
                state.pool = nil
                state.subscribers = [:]
                state.wanted = [:]
            }
            return (Array(state.subscribers.values), state.session, state.pause)
        }
        for subscriber in subscribers {
            subscriber.caller?.resume(throwing: closed)
            subscriber.buffer.finish(discarding: false)
        }
        pause?.cancel()
        session?.shutDown()
        session?.wake()
    }

    /// Suspends until the connection is closed, after `end()`.
    func waitUntilClosed() async { await state.withLock { $0.task }?.value }

    private var closed: PoolError { PoolError(.closed, pool: configuration.pool.name) }

    /// The error of a caller whose time has passed: the reason why there is no connection.
    private func timedOut() -> any Error {
        let failure = state.withLock { $0.failure }
        if let failure = failure as? PostgresError { return failure }
        return PoolError(.timedOut, pool: configuration.pool.name, underlying: failure)
    }
}

extension NotificationListener {
    /// What the task does next.
    enum Step: Equatable {
        case wait
        /// There are no subscriptions.
        case end
        /// The connection is to be replaced.
        case replace
        case change(unlisten: Set<NotificationChannel>, listen: Set<NotificationChannel>)
    }
}

extension NotificationListener.State {
    /// Decides what the task does next.
    ///
    /// - Parameter isListening: Whether the connection listens already.
    mutating func nextStep(isListening: Bool) -> NotificationListener.Step {
        if subscribers.isEmpty {
            // A subscription from now on waits for the LISTEN on the next connection: this one is
            // about to be closed, and would take notifications with it.
            active = []
            return .end
        }
        if isEvicted { return .replace }
        let old = active.filter { wanted[$0] == nil }
        // A subscription from now on waits for the next LISTEN.
        active.subtract(old)
        let new = wanted.keys.filter { !active.contains($0) }
        return old.isEmpty && new.isEmpty && isListening ? .wait : .change(unlisten: old, listen: Set(new))
    }

    /// Removes a subscription whose call has not returned.
    ///
    /// - Returns: The caller, if it waits.
    mutating func fail(
        _ buffer: NotificationBuffer,
        _ error: any Error
    ) -> CheckedContinuation<Void, any Error>? {
        let id = ObjectIdentifier(buffer)
        guard let subscriber = subscribers[id], !subscriber.isReady else { return nil }
        remove(buffer)
        if subscriber.caller == nil { failed[id] = error }
        return subscriber.caller
    }

    /// Removes a subscription. Does nothing if it is not there.
    mutating func remove(_ buffer: NotificationBuffer) {
        guard subscribers.removeValue(forKey: ObjectIdentifier(buffer)) != nil else { return }
        for channel in buffer.channels {
            let count = (wanted[channel] ?? 1) - 1
            wanted[channel] = count > 0 ? count : nil
        }
    }
}
