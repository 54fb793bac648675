// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import Synchronization

// Begins and ends a `COPY` between the server and the client, and receives its data.
//
// libpq's answers differ during a `COPY`. `PQisBusy` is false all the time, so the reactor cannot
// wait for an answer: the task waits for input and reads by itself. And `PQgetResult` returns the
// result that has begun the `COPY` again and again until the `COPY` has ended.

extension Session {
    /// Begins a `COPY` from the client.
    ///
    /// - Returns: The number of columns.
    /// - Throws: ``PostgresError``. The server has stored nothing, unless the statement is another
    ///   one.
    @discardableResult
    func beginCopyIn(_ text: String, _ limit: WaitLimit) async throws(PostgresError) -> Int {
        do throws(PostgresError) {
            return try await beginCopy(text, PGRES_COPY_IN, limit)
        } catch {
            throw TransactionScanner.isCopyFromClient(text) ? error.undone : error
        }
    }

    /// Sends a `COPY` statement, and waits until data can be transferred.
    ///
    /// By the simple protocol, as `psql` does. Poolers between the client and the server know it,
    /// and the server is ready for the next statement after an error.
    ///
    /// - Parameters:
    ///   - text: One statement without parameters.
    ///   - direction: `PGRES_COPY_IN` or `PGRES_COPY_OUT`.
    /// - Returns: The number of columns.
    func beginCopy(
        _ text: String,
        _ direction: ExecStatusType,
        _ limit: WaitLimit
    ) async throws(PostgresError) -> Int {
        try PostgresQuery(unsafe: text).validate(text)
        guard TransactionScanner.isSingle(text) else {
            throw PostgresError(
                .unsupported,
                "the text must be one COPY statement",
                sql: text,
                outcome: .notExecuted
            )
        }
        do throws(PostgresError) { try requireUTF8(sql: text) } catch { throw error.withoutEffect() }
        state.recordText(text)
        try expectAnswer(sql: text)
        try begin(sql: text, unsafe PQsendQuery(handle, text))
        // The scanner does not expect COPY as the first word.
        state.isStreamingChanges = direction == PGRES_COPY_OUT && !TransactionScanner.onlyReads("SELECT " + text)
        guard let first = try await nextResult(sql: text, limit) else {
            throw lost(sql: text, "The server sent no answer.")
        }
        if first.status == direction { return first.columnCount }
        if let error = failure(of: first, sql: text) {
            if !first.isCopy { while try await nextResult(sql: text, limit) != nil {} }
            throw error
        }
        record(first, sql: text)
        _ = try? await finish(sql: text, limit)
        let expected = direction == PGRES_COPY_IN ? "COPY … FROM STDIN" : "COPY … TO STDOUT"
        throw PostgresError(.unsupported, "the statement is not \(expected)", sql: text, outcome: .executed)
    }

    /// The reason for an operation to end now; `nil` if it may continue. Transfers that never wait
    /// check it.
    func ending(_ limit: WaitLimit) -> Outcome? {
        guard limit.isCancellable else { return limit.outcome == .ready ? nil : .timedOut }
        if Task.isCancelled { return .cancelled }
        if isShutDown.load(ordering: .relaxed) { return .shutDown }
        return limit.outcome == .ready ? nil : .timedOut
    }

    /// Makes the server fail a `COPY` from the client, so that it stores nothing. Does not
    /// suspend: the next statement reads the answer.
    func failCopyIn(_ reason: StaticString) {
        // In nonblocking mode libpq only queues it, and fails if the connection is lost.
        _ = unsafe PQputCopyEnd(handle, reason.description)
        mayHaveMore.store(true, ordering: .relaxed)
    }

    /// Ends a `COPY` that another statement or the end of its lease has interrupted: a `COPY` from
    /// the client fails, and the rows of a `COPY` to the client are discarded.
    func endCopy(_ result: PostgresResult, _ limit: WaitLimit) async throws(PostgresError) {
        switch result.status {
        case PGRES_COPY_IN: failCopyIn("another statement has ended the COPY")
        case PGRES_COPY_OUT:
            var count = 0
            while let data = try await nextCopyData(sql: "", limit) {
                data.free()
                count += 1
                if count % 64 == 0, let ending = ending(limit), let error = error(ending: ending, sql: "") {
                    throw error
                }
            }
        default: throw failure(of: result, sql: "")!
        }
    }

    /// Returns the error for a `COPY` that began in a method that cannot transfer its data.
    func refusedCopy(_ result: PostgresResult, sql: String) -> PostgresError {
        state.isStreamingChanges = false
        // The next statement discards the rows of a COPY to the client.
        if result.status == PGRES_COPY_IN { failCopyIn("this method does not transfer the data of COPY") }
        return PostgresError(
            .unsupported,
            "this method does not transfer the data of COPY; use copy or copyBytes of a connection",
            sql: sql,
            connectionIsGone: result.status == PGRES_COPY_BOTH
        )
    }
}

/// One message of a `COPY` to the client, which libpq has allocated.
@safe
struct CopyData {
    let bytes: UnsafeRawBufferPointer

    func free() { unsafe PQfreemem(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }
}

extension Session {
    /// What libpq has of a `COPY` to the client.
    enum BufferedCopyData {
        case data(CopyData)
        /// No whole message.
        case none
        /// The `COPY` has ended. Its result follows.
        case end
    }

    /// Takes the next message from libpq's buffer, without reading from the socket.
    func bufferedCopyData(sql: String) throws(PostgresError) -> BufferedCopyData {
        var start: UnsafeMutablePointer<CChar>?
        switch unsafe PQgetCopyData(handle, &start, 1) {
        case let count where count > 0:
            return unsafe .data(CopyData(bytes: UnsafeRawBufferPointer(start: start, count: Int(count))))
        case 0: return .none
        case -1: return .end
        default:
            abandon()
            throw unsafe lost(sql: sql, String(cString: PQerrorMessage(handle)))
        }
    }

    /// Waits for the next message of a `COPY` to the client.
    ///
    /// - Returns: The message, which the caller frees; `nil` at the end, after which the result
    ///   must be read.
    func nextCopyData(sql: String, _ limit: WaitLimit) async throws(PostgresError) -> CopyData? {
        var reads = 0
        while true {
            switch try bufferedCopyData(sql: sql) {
            case .data(let data): return data
            case .end: return endCopyData()
            case .none: break
            }
            if isLost { throw lost(sql: sql, "The connection was lost during COPY.") }
            // Data that arrives as fast as it is read never causes a wait.
            if let ending = ending(limit), let error = error(ending: ending, sql: sql) { throw error }
            if receiveCopyData() {
                reads += 1
                // A row may be large, and the thread is the executor's.
                if reads % Session.readsPerTurn == 0 { await Task.yield() }
                continue
            }
            if isEncrypted {
                // The TLS library may have taken more from the socket than libpq has requested.
                for _ in 0..<2 { _ = unsafe PQconsumeInput(handle) }
                switch try bufferedCopyData(sql: sql) {
                case .data(let data): return data
                case .end: return endCopyData()
                case .none: break
                }
            }
            if let error = error(ending: await wait(for: .input, limit), sql: sql) { throw error }
        }
    }

    private func endCopyData() -> CopyData? {
        // The result may be in the socket already, which the poller does not report again.
        mayHaveMore.store(true, ordering: .relaxed)
        return nil
    }

    /// Reads once from the socket.
    ///
    /// - Returns: Whether there was something to read, or the connection has ended.
    private func receiveCopyData() -> Bool {
        _ = takeActivity()
        guard hasMore else { return false }
        _ = unsafe PQconsumeInput(handle)
        return true
    }
}
