// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Ends the blocking waits of one thread early.
final class Interruption: Sendable {
    /// A descriptor that becomes readable when the thread must end.
    let readable: Int32
    private let writable: Int32
    private let interrupted = Atomic(false)
    private let handler = Locked<(@Sendable () -> Void)?>(nil)

    /// Returns `nil` if the system has no descriptor left.
    init?() {
        var ends: (Int32, Int32) = (-1, -1)
        guard unsafe clockpool_pipe(&ends.0, &ends.1) == 0 else { return nil }
        (readable, writable) = ends
    }

    deinit {
        close(readable)
        close(writable)
    }

    var isInterrupted: Bool { interrupted.load(ordering: .acquiring) }

    /// Makes the thread end. Any thread may call this, also repeatedly.
    func interrupt() {
        guard !interrupted.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var byte: UInt8 = 1
        _ = unsafe write(writable, &byte, 1)
        handler.withLock { $0 }?()
    }

    /// Sets the handler that `interrupt()` calls, at once if it has been called before; `nil`
    /// removes the handler.
    func set(_ newHandler: (@Sendable () -> Void)?) {
        handler.withLock { $0 = newHandler }
        if isInterrupted { newHandler?() }
    }
}

/// The connection attempts of a pool. Closing the pool ends them early, so that no thread stays
/// inside libpq.
final class ConnectAttempts: Sendable {
    private struct State {
        var isClosed = false
        var running: [ObjectIdentifier: Interruption] = [:]
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    /// The number of attempts in progress.
    var count: Int { state.withLock { $0.running.count } }

    /// Begins an attempt.
    ///
    /// - Throws: `PostgresError` with the code `connectFailed` if the pool is closed, or if the
    ///   system has no descriptor left.
    func begin() throws(PostgresError) -> Interruption {
        guard let attempt = Interruption() else {
            throw PostgresError(.connectFailed, "the system has no descriptor left to connect", isUnreached: true)
        }
        let isClosed = state.withLock { state in
            if !state.isClosed { state.running[ObjectIdentifier(attempt)] = attempt }
            return state.isClosed
        }
        if isClosed { throw ConnectAttempts.closed }
        return attempt
    }

    /// Records that an attempt and its thread have ended.
    func end(_ attempt: Interruption) {
        let watchers: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.running[ObjectIdentifier(attempt)] = nil
            guard state.running.isEmpty else { return [] }
            defer { state.watchers = [] }
            return state.watchers
        }
        for watcher in watchers { watcher.resume() }
    }

    /// Ends all attempts early, and suspends until they have ended. Later attempts fail.
    func close() async {
        let running = state.withLock { state in
            state.isClosed = true
            return Array(state.running.values)
        }
        for attempt in running { attempt.interrupt() }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.running.isEmpty { state.watchers.append(continuation) }
                return state.running.isEmpty
            }
            if isOver { continuation.resume() }
        }
    }

    static var closed: PostgresError {
        PostgresError(.connectFailed, "the pool was closed before the connection was made", isUnreached: true)
    }
}
