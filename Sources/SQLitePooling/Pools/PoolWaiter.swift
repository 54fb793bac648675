// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A caller that waits for the pool of a key.
///
/// The properties belong to the lock of the ``PoolTable``.
final class PoolWaiter<Key: Hashable & Sendable>: @unchecked Sendable {
    enum Kind {
        /// The caller uses the pool.
        case use
        /// The caller wants the file for itself, while the pool is closed.
        case hold
    }

    let kind: Kind
    let entry: PoolEntry<Key>
    private var continuation: CheckedContinuation<Result<Void, any Error>, Never>?
    private(set) var outcome: Result<Void, any Error>?
    private var timer: Task<Void, Never>?

    init(_ kind: Kind, _ entry: PoolEntry<Key>) {
        self.kind = kind
        self.entry = entry
    }

    /// Sets the outcome, the first time.
    ///
    /// - Returns: A function that resumes the caller; called without the lock.
    func end(_ outcome: Result<Void, any Error>) -> (@Sendable () -> Void)? {
        guard self.outcome == nil else { return nil }
        self.outcome = outcome
        return { [timer, continuation] in
            timer?.cancel()
            continuation?.resume(returning: outcome)
        }
    }

    /// Stores what ``end(_:)`` resumes and cancels.
    ///
    /// - Returns: The outcome, if there is one already. Nothing is stored then.
    func wait(
        _ continuation: CheckedContinuation<Result<Void, any Error>, Never>,
        _ startTimer: () -> Task<Void, Never>
    ) -> Result<Void, any Error>? {
        if let outcome { return outcome }
        self.continuation = continuation
        timer = startTimer()
        return nil
    }
}
