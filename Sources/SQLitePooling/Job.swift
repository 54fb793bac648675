// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A body on its way to a connection's thread, and its outcome on the way back.
///
/// The task that makes it waits while the thread runs it, so that only one of them touches it at a time, and nothing of
/// either's is seen by the other after it was handed over.
@safe
final class Job<Value>: @unsafe @unchecked Sendable {
    private let scope: TransactionScope
    private var body: ((borrowing SQLiteConnection) throws -> sending Value)?
    private var outcome: Result<Value, any Error>?

    /// Says what the resumption says too, but so that the thread sanitizer can see it.
    private let hasRun = Atomic(false)

    init(_ scope: TransactionScope, _ body: sending @escaping (borrowing SQLiteConnection) throws -> sending Value) {
        self.scope = scope
        self.body = body
    }

    /// Runs the body, and lets go of it.
    func run(_ ticket: UInt, in session: Session?) {
        guard let body = body.take() else { return }
        do {
            guard let session else { throw SQLiteError(.closed, "the connection is closed") }
            outcome = .success(try session.perform(ticket, in: scope, body))
        } catch {
            outcome = .failure(error)
        }
        hasRun.store(true, ordering: .releasing)
    }

    /// What the body has returned or thrown. To be called once, after it has run.
    func takeOutcome() throws -> sending Value {
        precondition(hasRun.load(ordering: .acquiring), "A job has an outcome when it has run.")
        nonisolated(unsafe) let outcome = outcome.take()!
        return try unsafe outcome.get()
    }
}

/// Wakes a task, once.
///
/// Checked in debug builds. There it also keeps the thread sanitizer from an error of its own: it does not see how a task
/// that is resumed before it has suspended is ordered with the thread that resumed it.
@safe
struct Resumption: Sendable {
    #if DEBUG
        private let continuation: CheckedContinuation<Void, Never>

        func resume() { continuation.resume() }

        /// Suspends until the resumption that `body` is given is resumed.
        static func wait(_ body: (Resumption) -> Void) async {
            await withCheckedContinuation { body(Resumption(continuation: $0)) }
        }
    #else
        private let continuation: UnsafeContinuation<Void, Never>

        func resume() { unsafe continuation.resume() }

        /// Suspends until the resumption that `body` is given is resumed.
        static func wait(_ body: (Resumption) -> Void) async {
            await unsafe withUnsafeContinuation { unsafe body(Resumption(continuation: $0)) }
        }
    #endif
}
