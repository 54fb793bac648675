// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolPQ
internal import ConnectionPooling
internal import Synchronization

/// A `COPY` to the client that a sequence describes. Each iteration runs it.
struct CopySource {
    let session: Session
    /// The statement that copies, or the query of the rows to decode.
    let query: PostgresQuery
    let timeout: Duration?
    let resetTimeout: Duration
    let lease: Int
}

/// Receives the data of one iteration of a ``CopySource``.
@safe
@usableFromInline
final class CopyReceiver {
    private enum State {
        case new, running
        /// The data has ended, and the result follows.
        case ending
        case done
    }

    private let source: CopySource
    private var state = State.new
    /// The value of `Session.statements` when the statement was sent.
    private var statement: Int?
    private var observation: StatementObservation?
    private var limit = WaitLimit()
    private(set) var sql: String?

    init(_ source: CopySource) { self.source = source }

    /// Returns the next message, if it has arrived. Does not suspend.
    ///
    /// - Returns: The message, which the caller frees.
    func bufferedData() throws(PostgresError) -> CopyData? {
        let session = source.session
        guard case .running = state, session.isCurrent(lease: source.lease, statement: statement) else { return nil }
        session.beginUse()
        defer { session.endUse() }
        switch try session.bufferedCopyData(sql: sql ?? "") {
        case .data(let data): return data
        case .none: return nil
        case .end:
            state = .ending
            return nil
        }
    }

    /// Waits for the next message. The first call runs the statement.
    ///
    /// - Parameter begin: Sends the statement, and returns its text.
    /// - Returns: The message, which the caller frees; `nil` at the end.
    func nextData(
        _ begin: (Session, PostgresQuery, WaitLimit) async throws(PostgresError) -> String
    ) async throws -> CopyData? {
        if case .done = state { return nil }
        let session = source.session
        guard session.isCurrent(lease: source.lease, statement: statement) else {
            state = .done
            observation?.endEarly()
            throw PostgresError(
                .streamEnded,
                "the lease of this COPY has ended, or another statement was run",
                sql: source.query.text
            )
        }
        session.beginUse()
        defer { session.endUse() }
        do throws(PostgresError) {
            if case .new = state {
                observation = session.observe(source.query)
                statement = session.endStreams()
                limit.deadline = session.state.deadline
                if let timeout = source.timeout {
                    limit.deadline = min(limit.deadline, MonotonicClock.deadline(after: timeout))
                }
                let text = source.query.text
                try await session.prepareToSend(sql: text, limit, resetTimeout: source.resetTimeout)
                let sent = try await begin(session, source.query, limit)
                sql = sent
                observation?.text = sent
                state = .running
            }
            if case .running = state {
                if let data = try await session.nextCopyData(sql: sql ?? "", limit) { return data }
            }
            state = .done
            session.mayHaveMore.store(true, ordering: .relaxed)
            let result = try await session.finish(sql: sql ?? "", limit)
            observation?.complete(result)
            return nil
        } catch {
            state = .done
            observation?.fail(error)
            throw error.forCaller
        }
    }

    /// Ends the iteration. The next statement discards the rest of the data.
    func stop() {
        state = .done
        observation?.endEarly()
    }
}

extension PostgresConnection {
    func copySource(_ query: PostgresQuery, timeout: Duration?) -> CopySource {
        CopySource(
            session: session,
            query: query,
            timeout: timeout ?? statementTimeout,
            resetTimeout: resetTimeout,
            lease: session.leases.load(ordering: .relaxed)
        )
    }
}
