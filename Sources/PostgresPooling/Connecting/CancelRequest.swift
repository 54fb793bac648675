// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

/// The data that a cancel request for a connection needs. Any thread may use it.
@safe
final class CancelKey: @unchecked Sendable {
    private let handle: OpaquePointer

    /// The server's address and port.
    let server: String

    /// Copies the key of a connection; `nil` if there is no memory.
    init?(of connection: OpaquePointer) {
        guard let handle = unsafe PQgetCancel(connection) else { return nil }
        unsafe self.handle = handle
        server = unsafe [PQhost(connection), PQhostaddr(connection), PQport(connection)]
            .map { text in unsafe text.map { unsafe String(cString: $0) } ?? "" }.joined(separator: " ")
    }

    deinit { unsafe PQfreeCancel(handle) }

    /// Sends a cancel request on a connection that libpq makes for it, and blocks until the server
    /// has received it.
    func sendBlocking() -> Bool {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            unsafe PQcancel(handle, message.baseAddress!, 256) != 0
        }
    }
}

/// A request to cancel a statement, which one of the threads for that sends.
///
/// The server cancels the statement that runs when the request arrives. Until the server has
/// received it and closed the request's connection, no other statement may be sent.
final class CancelRequest: Sendable {
    let key: CancelKey

    private struct State {
        var isAcknowledged: Bool?
        var watcher: CheckedContinuation<Bool, Never>?
        /// Whether the wait for the request has ended.
        var isOver = false
    }

    private let state = Locked(State())
    private let threads: CancelThreads

    /// Sends the request when a thread is free.
    init(_ key: CancelKey, threads: CancelThreads = .shared) {
        self.key = key
        self.threads = threads
        threads.send(self)
    }

    /// Withdraws the request if no thread has begun it, because its connection is closed.
    func withdraw() { threads.withdraw(self) }

    /// Suspends until the server has received the request, or the time has passed. Must be called
    /// once.
    ///
    /// - Returns: Whether the server has received it.
    func isAcknowledged(within duration: Duration) async -> Bool {
        if let isAcknowledged = state.withLock({ $0.isAcknowledged }) { return isAcknowledged }
        let timer = Task {
            try? await Task.sleep(for: duration)
            stopWatching()
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let isAcknowledged: Bool? = state.withLock { state in
                if state.isAcknowledged == nil, !state.isOver { state.watcher = continuation }
                return state.isAcknowledged ?? (state.isOver ? false : nil)
            }
            if let isAcknowledged { continuation.resume(returning: isAcknowledged) }
        }
    }

    /// Records the outcome of the request. Called once.
    func end(isAcknowledged: Bool) {
        let watcher = state.withLock { state in
            state.isAcknowledged = isAcknowledged
            return state.watcher.take()
        }
        watcher?.resume(returning: isAcknowledged)
    }

    private func stopWatching() {
        let watcher = state.withLock { state in
            state.isOver = true
            return state.watcher.take()
        }
        watcher?.resume(returning: false)
    }
}
