// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// A body on its way to a connection's thread, and its outcome on the way back.
///
/// The task that makes it waits while the thread runs it, so that only one of them touches it at a time, and nothing of
/// either's is seen by the other after it was handed over.
@safe
final class Call<Value>: Request, @unsafe @unchecked Sendable {
    private var body: ((borrowing SQLiteConnection) throws -> sending Value)?
    private var outcome: Result<Value, any Error>?

    init(
        on pool: Pool,
        _ scope: TransactionScope,
        deadline: ContinuousClock.Instant? = nil,
        _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value
    ) {
        self.body = body
        super.init(on: pool, scope, deadline: deadline)
    }

    override func perform(in session: Session) {
        // Let go of here, so that what it has captured ends on no later day than its call.
        guard let body = body.take() else { return }
        do {
            outcome = .success(try session.perform(interruption, in: scope, body))
        } catch {
            outcome = .failure(error)
        }
    }

    override func performAsMember(in session: Session) {
        guard let body = body.take() else { return }
        do {
            outcome = .success(try session.performAsMember(interruption, body))
        } catch {
            outcome = .failure(error)
        }
    }

    override func fail(_ error: any Error) {
        body = nil
        outcome = .failure(error)
    }

    override var hasFailed: Bool {
        if case .failure = outcome { true } else { false }
    }

    /// Runs the call. Suspends until it has an outcome; when the task is cancelled, it leaves the line, or its statement is
    /// interrupted.
    ///
    /// - Returns: What the body has returned.
    /// - Throws: What it has thrown; `CancellationError`, `SQLiteError` or `PoolError` if it has not run to its end.
    func value(isolation: isolated (any Actor)? = #isolation) async throws -> sending Value {
        await withTaskCancellationHandler {
            // Keeps the closure on the caller's actor: it would go to a thread of the cooperative pool, and the caller come back.
            _ = isolation
            if start(), TaskSpin.wait(until: { isComplete }) { return }
            await Resumption.wait { notify(.task($0)) }
        } onCancel: {
            cancel()
        }
        return try takeOutcome()
    }

    /// Runs the call on a connection that stays the caller's.
    func value(
        on connection: HeldConnection,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> sending Value {
        await withTaskCancellationHandler {
            _ = isolation
            start(on: connection)
            await Resumption.wait { notify(.task($0)) }
        } onCancel: {
            cancel()
        }
        return try takeOutcome()
    }

    /// What the body has returned or thrown. To be called once, after it has run.
    func takeOutcome() throws -> sending Value {
        precondition(isComplete, "A call has an outcome when it has run.")
        nonisolated(unsafe) let outcome = outcome.take()!
        return try unsafe outcome.get()
    }
}
