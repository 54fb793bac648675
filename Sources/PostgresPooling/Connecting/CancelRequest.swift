// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling

/// What it takes to ask a server to end the statement of one connection, from any thread.
@safe
final class CancelKey: @unchecked Sendable {
    private let handle: OpaquePointer

    /// The server's address and port.
    let server: String

    /// The key of a connection; `nil` if there is no memory.
    init?(of connection: OpaquePointer) {
        guard let handle = unsafe PQgetCancel(connection) else { return nil }
        unsafe self.handle = handle
        server = unsafe [PQhost(connection), PQhostaddr(connection), PQport(connection)]
            .map { text in unsafe text.map { unsafe String(cString: $0) } ?? "" }.joined(separator: " ")
    }

    deinit { unsafe PQfreeCancel(handle) }

    /// Asks, and blocks until the server has taken notice. libpq makes a connection of its own for that.
    func askBlocking() -> Bool {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            unsafe PQcancel(handle, message.baseAddress!, 256) != 0
        }
    }
}

/// A request to end a statement early, on its way by one of the threads for that.
///
/// The server ends whatever the connection runs when the request arrives. So nothing else may be sent on that connection before the
/// server has taken notice, which is when the request's own connection is closed.
final class CancelRequest: Sendable {
    let key: CancelKey

    private struct State {
        var hasArrived: Bool?
        var watcher: CheckedContinuation<Bool, Never>?
        /// The wait for it has ended.
        var isOver = false
    }

    private let state = Locked(State())
    private let threads: CancelThreads

    /// Sends the request, when a thread is free for it.
    init(_ key: CancelKey, threads: CancelThreads = .shared) {
        self.key = key
        self.threads = threads
        threads.send(self)
    }

    /// Ends the request if no thread has begun with it: its connection is not used any more.
    func withdraw() { threads.withdraw(self) }

    /// Suspends until the server has taken notice, or the time is over. To be called once.
    ///
    /// - Returns: Whether it has.
    func hasArrived(within duration: Duration) async -> Bool {
        if let hasArrived = state.withLock({ $0.hasArrived }) { return hasArrived }
        let timer = Task {
            try? await Task.sleep(for: duration)
            stopWatching()
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let hasArrived: Bool? = state.withLock { state in
                if state.hasArrived == nil, !state.isOver { state.watcher = continuation }
                return state.hasArrived ?? (state.isOver ? false : nil)
            }
            if let hasArrived { continuation.resume(returning: hasArrived) }
        }
    }

    /// Notes what has become of the request. Called once.
    func end(hasArrived: Bool) {
        let watcher = state.withLock { state in
            state.hasArrived = hasArrived
            return state.watcher.take()
        }
        watcher?.resume(returning: hasArrived)
    }

    private func stopWatching() {
        let watcher = state.withLock { state in
            state.isOver = true
            return state.watcher.take()
        }
        watcher?.resume(returning: false)
    }
}
