// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import ConnectionPooling
internal import Synchronization

/// Lets any thread interrupt the job that a connection works on, and no other.
///
/// Each job has a ticket. A cancellation names its ticket: one that comes too late finds another job, or none, and does
/// nothing. A cancellation before the job has begun is remembered for it.
///
/// SQLite forgets an interrupt that finds no statement running. So there is a flag too: each step looks at it, and so does
/// a running statement every thousand instructions, and a wait for another process's lock.
@safe
final class Interruption: Sendable {
    @safe
    private struct State: @unchecked Sendable {
        var handle: OpaquePointer?
        var issued: UInt = 0
        var running: UInt = 0
        var cancelled: UInt = 0
    }

    private let state = Locked(State())
    private let flag = Atomic(false)

    /// Whether the job at work is cancelled.
    ///
    /// Relaxed: nothing else is read because of it.
    var isRaised: Bool { flag.load(ordering: .relaxed) }

    /// A ticket for a job, which is to begin next.
    func issueTicket() -> UInt {
        state.withLock { state in
            state.issued += 1
            return state.issued
        }
    }

    /// Cancels a job, if it has not ended.
    func cancel(_ ticket: UInt) {
        state.withLock { state in
            guard ticket == state.issued else { return }
            state.cancelled = ticket
            guard ticket == state.running else { return }
            flag.store(true, ordering: .relaxed)
            // The connection is open: `handle` is taken away, under this lock, before it is closed.
            if let handle = unsafe state.handle { unsafe sqlite3_interrupt(handle) }
        }
    }

    // MARK: On the connection's thread

    /// Says which connection is interrupted; `nil` before it is closed.
    func attach(_ handle: OpaquePointer?) {
        state.withLock { unsafe $0.handle = handle }
    }

    /// Begins a job.
    ///
    /// - Returns: Whether it is cancelled already.
    func begin(_ ticket: UInt) -> Bool {
        state.withLock { state in
            state.running = ticket
            let isCancelled = state.cancelled == ticket
            flag.store(isCancelled, ordering: .relaxed)
            return isCancelled
        }
    }

    /// Ends the part of a job that can be cancelled.
    ///
    /// - Returns: Whether it was.
    func end() -> Bool {
        state.withLock { state in
            state.running = 0
            defer { flag.store(false, ordering: .relaxed) }
            return flag.load(ordering: .relaxed)
        }
    }
}
