// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The threads that send cancel requests.
///
/// `PQcancel` blocks until the server has answered, without a time limit. A server that hangs
/// occupies the threads that call it, so there are few for each server, and further requests queue
/// up. A request whose connection is closed leaves the queue.
final class CancelThreads: Sendable {
    /// The threads of all pools.
    static let shared = CancelThreads(perServer: 4, total: 32)

    private struct State {
        /// The number of threads that send requests to each server.
        var busy: [String: Int] = [:]
        var threadCount = 0
        var queue: [CancelRequest] = []
    }

    private let perServer: Int
    private let total: Int
    private let ask: @Sendable (CancelKey) -> Bool
    private let state = Locked(State())

    /// - Parameters:
    ///   - perServer: The maximum number of threads for one server.
    ///   - total: The maximum number of threads.
    ///   - ask: A closure that sends a request, and blocks until the server has received it.
    init(perServer: Int, total: Int, ask: @escaping @Sendable (CancelKey) -> Bool = { $0.sendBlocking() }) {
        self.perServer = perServer
        self.total = total
        self.ask = ask
    }

    /// Returns the number of requests to a server that wait for a thread.
    func queueLength(for server: String) -> Int {
        state.withLock { state in state.queue.count { $0.key.server == server } }
    }

    /// Sends a request on a thread, as soon as one is free.
    func send(_ request: CancelRequest) {
        let needsThread = state.withLock { state in
            guard state.threadCount < total, begin(request, &state) else {
                state.queue.append(request)
                return false
            }
            state.threadCount += 1
            return true
        }
        guard needsThread else { return }
        let isStarted = DetachedThread.start(name: "postgres-cancel") { [self] in run(request) }
        if !isStarted {
            request.end(isAcknowledged: false)
            // Requests that have been queued since have no other thread to wait for.
            let abandoned = state.withLock { state in
                finish(request, &state)
                state.threadCount -= 1
                defer { if state.threadCount == 0 { state.queue = [] } }
                return state.threadCount == 0 ? state.queue : []
            }
            for request in abandoned { request.end(isAcknowledged: false) }
        }
    }

    /// Removes a request from the queue, if it is there.
    func withdraw(_ request: CancelRequest) {
        let index = state.withLock { state in
            let index = state.queue.firstIndex { $0 === request }
            if let index { state.queue.remove(at: index) }
            return index
        }
        if index != nil { request.end(isAcknowledged: false) }
    }

    /// Sends queued requests until none is left for this thread.
    private func run(_ first: CancelRequest) {
        var next: CancelRequest? = first
        while let request = next {
            request.end(isAcknowledged: ask(request.key))
            next = state.withLock { state in
                finish(request, &state)
                let index = state.queue.firstIndex { begin($0, &state) }
                if index == nil { state.threadCount -= 1 }
                return index.map { state.queue.remove(at: $0) }
            }
        }
    }

    /// Counts a request as being sent to its server.
    ///
    /// - Returns: Whether a thread may send it now.
    private func begin(_ request: CancelRequest, _ state: inout State) -> Bool {
        let busy = state.busy[request.key.server, default: 0]
        if busy >= perServer { return false }
        state.busy[request.key.server] = busy + 1
        return true
    }

    private func finish(_ request: CancelRequest, _ state: inout State) {
        let busy = state.busy[request.key.server, default: 1] - 1
        state.busy[request.key.server] = busy == 0 ? nil : busy
    }
}
