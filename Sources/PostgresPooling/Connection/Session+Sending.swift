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

// How a large statement gets to the server.
//
// After each send that takes only a part, libpq moves the rest to the beginning of its buffer, unless the connection blocks. A
// Unix socket takes some 200 KB at a time, so the time of a nonblocking send grows with the square of the size. A large
// statement therefore has a thread, on which the connection blocks: libpq then moves nothing, and neither its copies nor its
// waits are on a task's thread.

extension Link {
    /// The number of bytes from which a statement is large.
    static var largeStatement: Int { 1 << 20 }

    /// The number of bytes that a server may send while it is sent a large statement. There is nothing yet that it could answer.
    static var sendingBudget: Int { 1 << 20 }

    /// The reactor looks at what the server sends meanwhile once in so many nanoseconds. libpq keeps all of it, and parses it in one go
    /// afterwards.
    static var sendingInterval: UInt64 { 10_000_000 }

    /// How much comes on a socket from which libpq reads.
    struct UnaskedBytes {
        private let start: Int64
        private var unread = 0
        private var seen = 0

        init(socket: Int32) { start = clockpool_received(socket) }

        /// Looks again.
        ///
        /// - Returns: How many bytes have come so far. TCP counts them. On another socket each look that finds more than the one before
        ///   stands for 64 KB, as what libpq has read in between is not known.
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
    /// Suspends until libpq has handed all of it to the system. A deadline, a cancellation and a shutdown end that early, and with
    /// it the connection, because the server has a part of the statement.
    ///
    /// - Parameter send: Has libpq send it, and returns what libpq returns.
    func sendLarge(
        sql: String,
        _ patience: Patience,
        _ send: @escaping @Sendable (Link) -> Int32
    ) async throws(PostgresError) {
        let isSent = Locked<Int32>(0)
        let outcome = await lendToThread(patience) { link in
            // Nothing is left to be sent of earlier statements, so neither call sends. Where the first fails, sending goes
            // slowly and ends well.
            _ = unsafe PQsetnonblocking(link.handle, 0)
            let result = send(link)
            _ = unsafe PQsetnonblocking(link.handle, 1)
            isSent.withLock { $0 = result }
        }
        if outcome != .ready { session.isAnswerPending = true }
        if let error = error(ending: outcome, sql: sql) { throw error }
        try begin(sql: sql, isSent.withLock { $0 })
    }
}

extension Link {
    /// Sends a large statement with its parameters.
    ///
    /// - Parameter name: The name of the prepared statement; `nil` if it is not prepared.
    func sendLarge(
        _ query: PostgresQuery,
        preparedAs name: String?,
        sql text: String,
        _ patience: Patience
    ) async throws(PostgresError) {
        let obstacle = Locked<PostgresError?>(nil)
        do throws(PostgresError) {
            try await sendLarge(sql: text, patience) { link in
                do throws(PostgresError) {
                    return try link.handOver(query, text: text, preparedAs: name)
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
    /// Whether the statement is to be sent by `Link.sendLarge`.
    ///
    /// - Parameter text: Its text.
    func isLarge(_ text: String) -> Bool {
        var byteCount = text.utf8.count
        for index in 0..<pieces.count {
            if let content = pieces[index].parameter?.content { byteCount += content.byteCount }
        }
        return byteCount >= Link.largeStatement
    }
}
