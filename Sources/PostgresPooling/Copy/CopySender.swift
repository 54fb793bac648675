// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

/// Sends the data of one `COPY` from the client.
///
/// The data is gathered in a buffer and passed to libpq in pieces, each after the one before has
/// left libpq: memory stays constant, and a slow server slows the caller down.
@safe
@usableFromInline
final class CopySender {
    let session: Session
    let sql: String
    let limit: WaitLimit
    private let lease: Int
    private let statement: Int
    private let observation: StatementObservation?

    private(set) var start: UnsafeMutableRawPointer
    private var capacity = CopySender.flushSize + CopySender.flushSize / 4
    /// The number of bytes in the buffer.
    var count = 0
    /// The number of bytes that have been passed to libpq.
    private(set) var sentBytes = 0

    /// Whether the server expects no more data.
    private var isOver = false
    /// The error that has ended the `COPY`.
    private var failure: PostgresError?

    /// The size, in bytes, at which the buffer is sent.
    static var flushSize: Int { 65_536 }

    /// The size of the largest piece, in bytes. A Unix socket of Linux that is writable accepts it
    /// as a whole. libpq reads by itself after a partial send, and then an error of the server
    /// would be noticed only at the end.
    private static var largestPiece: Int { 98_304 }

    /// The number of bytes that libpq usually reads at once.
    private static var manyNotices: Int { 16_384 }

    /// Creates the sender of a `COPY` that has begun.
    init(_ session: Session, sql: String, _ limit: WaitLimit, _ observation: StatementObservation?) {
        self.observation = observation
        self.session = session
        self.sql = sql
        self.limit = limit
        lease = session.leases.load(ordering: .relaxed)
        statement = session.statements.load(ordering: .relaxed)
        unsafe start = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe start.deallocate() }

    /// Whether the buffer should be sent.
    var isFull: Bool { count >= CopySender.flushSize }

    /// Makes room for more bytes in the buffer.
    @inline(__always)
    func reserve(_ more: Int) {
        if count + more > capacity { grow(to: count + more) }
    }

    @inline(never)
    private func grow(to needed: Int) {
        capacity = max(needed, 2 * capacity)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        unsafe larger.copyMemory(from: start, byteCount: count)
        unsafe start.deallocate()
        unsafe start = larger
    }

    /// Appends bytes to the buffer.
    func append(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        unsafe UnsafeMutableRawBufferPointer(start: start + count, count: bytes.count).copyMemory(from: bytes)
        count += bytes.count
    }

    /// Appends an integer in big-endian order.
    @inline(__always)
    func append<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        reserve(MemoryLayout<Number>.size)
        unsafe (start + count).storeBytes(of: number.bigEndian, as: Number.self)
        count += MemoryLayout<Number>.size
    }
}

extension CopySender {
    /// Sends the buffer. Suspends while the server is slower than the caller.
    ///
    /// - Throws: The error that has ended the `COPY`, each time again.
    @usableFromInline
    func flush() async throws(PostgresError) {
        if let failure { throw failure }
        guard session.isCurrent(lease: lease, statement: statement) else {
            throw fail(
                PostgresError(
                    .streamEnded,
                    "another statement was run on the connection during the COPY, which has failed",
                    sql: sql,
                    outcome: .rolledBack
                )
            )
        }
        session.beginUse()
        defer { session.endUse() }
        var sent = 0
        while sent < count {
            try await waitForRoom()
            let size = min(count - sent, CopySender.largestPiece)
            // In nonblocking mode libpq keeps what the socket does not accept.
            if unsafe PQputCopyData(session.handle, start + sent, Int32(size)) < 1 { throw await serverError() }
            sent += size
            sentBytes += size
        }
        count = 0
    }

    /// Waits until the socket accepts more, and libpq has nothing left to send.
    private func waitForRoom() async throws(PostgresError) {
        while true {
            if let ending = session.ending(limit) { throw end(ending) }
            // Cleared before the socket is examined, so that later input ends the wait.
            _ = session.takeActivity()
            let ready = unsafe clockpool_pq_ready(session.handle)
            if ready & CLOCKPOOL_PQ_READABLE != 0 {
                let inspected = unsafe clockpool_pq_inspect_errors(session.handle)
                if inspected < 0 { throw await serverError() }
                // Notices, of which a trigger may raise one for each row. They stay unread until
                // there are more than libpq reads at once, or the server may be waiting for that:
                // libpq then takes nothing that has not been inspected.
                if inspected >= CopySender.manyNotices || ready & CLOCKPOOL_PQ_WRITABLE == 0 {
                    if unsafe PQconsumeInput(session.handle) == 0 { throw await serverError() }
                    session.takeNotifications()
                }
            }
            let unsent = unsafe PQflush(session.handle)
            if unsent < 0 || session.isLost { throw await serverError() }
            if unsent == 0, ready & CLOCKPOOL_PQ_WRITABLE != 0 { return }
            let outcome = await session.wait(for: .room, limit)
            if outcome != .ready { throw end(outcome) }
        }
    }

    /// Ends the `COPY` at its deadline, a cancellation or a shutdown. The server stores nothing.
    private func end(_ outcome: Session.Outcome) -> PostgresError {
        session.failCopyIn("the client has ended the COPY")
        return fail(session.error(ending: outcome, sql: sql)!.undone)
    }

    /// Receives the error with which the server has ended the `COPY`.
    private func serverError() async -> PostgresError {
        session.failCopyIn("the client has ended the COPY")
        do throws(PostgresError) {
            _ = try await session.finish(sql: sql, limit)
        } catch {
            return fail(error.undone)
        }
        // The server answers a failed COPY with an error.
        session.abandon()
        return fail(session.lost(sql: sql, "The server has ended the COPY without an error.").undone)
    }

    private func fail(_ error: PostgresError) -> PostgresError {
        isOver = true
        failure = error
        observation?.fail(error)
        return error
    }

    /// Makes the server store nothing, because the body has failed. Does not suspend.
    func abort() {
        observation?.endEarly()
        guard !isOver, session.isCurrent(lease: lease, statement: statement) else { return }
        isOver = true
        session.failCopyIn("the client has ended the COPY")
    }

    /// Sends the rest, ends the `COPY` and waits for the server's answer.
    ///
    /// - Returns: The number of rows.
    func finish() async throws(PostgresError) -> Int {
        do throws(PostgresError) {
            try await flush()
            if count == 0, let ending = session.ending(limit) { throw end(ending) }
        } catch {
            abort()
            throw error
        }
        session.beginUse()
        defer { session.endUse() }
        isOver = true
        if unsafe PQputCopyEnd(session.handle, nil) < 1 { throw await serverError() }
        session.mayHaveMore.store(true, ordering: .relaxed)
        do throws(PostgresError) {
            let result = try await session.finish(sql: sql, limit)
            observation?.complete(result)
            return PostgresCommand(result).rowCount
        } catch {
            let failure = error.namingCopiedRow
            observation?.fail(failure)
            throw failure
        }
    }
}

extension PostgresError {
    /// The error of a `COPY` whose end was not sent, so that the server has stored nothing.
    var undone: PostgresError {
        let error = PostgresError(
            code == .outcomeUnknown ? .connectionLost : code,
            message,
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            isUnreached: isUnreached || code == .outcomeUnknown,
            outcome: outcome == .notExecuted ? .notExecuted : .rolledBack
        )
        return error.namingCopiedRow
    }

    /// The error with the row and the column of the data, from the server's context, in its
    /// message. The context itself may quote values.
    fileprivate var namingCopiedRow: PostgresError {
        // COPY table, line 3, column name: "value"; the words are translated, the order is not.
        guard code == .server, let context = server?.context,
            let place = context.firstMatch(
                of: /(?:^|\n)COPY [^\n]*?, [^\n,:]*?(\d+)(?:, [^\n,: ]+ ([^\n:]+))?(?=:|\n|$)/
            )
        else { return self }
        let column = place.output.2.map { ", column “\(PostgresError.escapingControlCharacters(String($0)))”" } ?? ""
        return PostgresError(
            code,
            "\(message) (line \(place.output.1)\(column))",
            server: server,
            sql: sql,
            connectionIsGone: connectionIsGone,
            isUnreached: isUnreached,
            outcome: outcome
        )
    }
}
