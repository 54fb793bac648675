// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import LockPool
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// Sends large statements.
//
// After each partial send, libpq moves the rest to the beginning of its buffer, unless the
// connection blocks. A Unix socket accepts about 200 KB at a time, so the time of a nonblocking
// send grows with the square of the size. A large statement is therefore sent on a thread of its
// own, where the connection blocks: libpq then moves nothing, and neither its copies nor its waits
// occupy a task's thread.

extension Session {
    /// The size, in bytes, from which a statement is large.
    static var largeStatement: Int { 1 << 20 }

    /// The number of bytes that a server may send during a large statement. It has nothing to
    /// answer yet.
    static var sendingBudget: Int { 1 << 20 }

    /// The interval, in nanoseconds, at which the reactor checks what the server sends during a
    /// large statement. libpq keeps all of it, and parses it at once afterwards.
    static var sendingInterval: UInt64 { 10_000_000 }

    /// Counts the bytes that arrive on a socket from which libpq reads.
    struct UnsolicitedBytes {
        private let start: Int64
        private var unread = 0
        private var seen = 0

        init(socket: Int32) { start = clockpool_received(socket) }

        /// Updates the count.
        ///
        /// - Returns: The number of bytes that have arrived so far. TCP counts them. On another
        ///   socket, each call that finds more than the one before counts 64 KB, because the bytes
        ///   that libpq has read in between are unknown.
        mutating func count(on socket: Int32) -> Int {
            if start >= 0 { return Int(clockpool_received(socket) - start) }
            let found = Int(clockpool_unread(socket))
            if found > unread { seen += max(found - unread, 65_536) }
            unread = found
            return seen
        }
    }

    /// Sends a large statement.
    ///
    /// Suspends until libpq has passed all of it to the system. A deadline, a cancellation or a
    /// shutdown ends that early. It also ends the connection, because the server has received a
    /// part of the statement.
    ///
    /// - Parameter send: Makes libpq send the statement, and returns libpq's result.
    func sendLarge(
        sql: String,
        _ limit: WaitLimit,
        _ send: @escaping @Sendable (Session) -> Int32
    ) async throws(PostgresError) {
        let isSent = Locked<Int32>(0)
        let outcome = await lendToThread(limit) { session in
            // No earlier statement has anything left to send, so neither call sends. If the first
            // call fails, sending is slow but succeeds.
            _ = unsafe PQsetnonblocking(session.handle, 0)
            let result = send(session)
            _ = unsafe PQsetnonblocking(session.handle, 1)
            isSent.withLock { $0 = result }
        }
        if outcome != .ready { state.isAnswerPending = true }
        if let error = error(ending: outcome, sql: sql) { throw error }
        try begin(sql: sql, isSent.withLock { $0 })
    }
}

extension Session {
    /// Lends the connection to a thread that runs `body`, and suspends until `body` has returned.
    func lendToThread(_ limit: WaitLimit, _ body: @escaping @Sendable (Session) -> Void) async -> Outcome {
        wait.withLock { wait in
            wait.interruption = nil
            wait.isCancellable = limit.isCancellable
        }
        if limit.isCancellable, isShutDown.load(ordering: .relaxed) { return .shutDown }
        return await unsafe withCancellableContinuation {
            unsafe lendToThread(body, $0, until: limit.deadline)
        } onCancel: {
            if limit.isCancellable { interrupt(.cancelled) }
        }
    }

    private func lendToThread(
        _ body: @escaping @Sendable (Session) -> Void,
        _ continuation: UnsafeContinuation<Outcome, Never>,
        until deadline: UInt64
    ) {
        let waiter = unsafe Waiter(continuation)
        let ended: Outcome? = wait.withLock { wait in
            if let interruption = wait.interruption.take() { return interruption }
            wait.sendingSocket = fcntl(unsafe PQsocket(handle), F_DUPFD_CLOEXEC, 0)
            // Without a socket nothing is sent, which the caller detects.
            if wait.sendingSocket < 0 { return .ready }
            wait.phase = .sending
            wait.waiter = waiter
            wait.deadline = deadline
            wait.unsolicited = UnsolicitedBytes(socket: wait.sendingSocket)
            return nil
        }
        if let ended { return waiter.resume(ended) }
        reactor.arm(min(deadline, MonotonicClock.now + Session.sendingInterval))
        let isStarted = DetachedThread.start(name: "postgres-send") { [self] in
            body(self)
            // Checks what has arrived since the last check, before it is parsed.
            wait.withLock { limitSending(&$0) }
            parse()
            endSending()
        }
        // Without a thread nothing is sent, which the caller detects.
        if !isStarted { endSending() }
    }

    private func endSending() {
        let (waiter, interruption, socket) = wait.withLock { wait in
            defer { wait.sendingSocket = -1 }
            return (endWait(&wait), wait.interruption.take(), wait.sendingSocket)
        }
        // The server may have received a part of the statement.
        if interruption != nil { abandon() }
        if socket >= 0 { closeSocket(socket) }
        waiter?.resume(interruption ?? .ready)
    }
}

/// Closes a descriptor. Within `Session`, `close` is the session's method.
private func closeSocket(_ descriptor: Int32) { _ = close(descriptor) }

extension Session {
    /// Sends a large statement with its parameters.
    ///
    /// - Parameter name: The name of the prepared statement; `nil` if it is not prepared.
    func sendLarge(
        _ query: PostgresQuery,
        preparedAs name: String?,
        sql text: String,
        _ limit: WaitLimit
    ) async throws(PostgresError) {
        let obstacle = Locked<PostgresError?>(nil)
        do throws(PostgresError) {
            try await sendLarge(sql: text, limit) { session in
                do throws(PostgresError) {
                    return try session.submit(query, text: text, preparedAs: name)
                } catch {
                    obstacle.withLock { $0 = error }
                    return 0
                }
            }
        } catch {
            throw obstacle.withLock { $0 } ?? error
        }
    }
}

extension PostgresQuery {
    /// Returns whether `Session.sendLarge` must send the statement.
    ///
    /// - Parameter text: The text of the statement.
    func isLarge(_ text: String) -> Bool { byteCount(text) >= Session.largeStatement }

    /// Returns the number of bytes of a statement and its values.
    ///
    /// - Parameter text: The text of the statement.
    func byteCount(_ text: String) -> Int {
        var byteCount = text.utf8.count
        for index in 0..<pieces.count {
            if let content = pieces[index].parameter?.content { byteCount += content.byteCount }
        }
        return byteCount
    }
}
