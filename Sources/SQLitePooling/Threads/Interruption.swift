// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import Synchronization

/// Stops one call, and no other, from any thread.
///
/// Each call has one of its own, so that a cancellation that comes too late finds a call that has ended, and does nothing.
///
/// A stop and a commit exclude each other, because each is a transition of the phase from `running`: a call that was stopped never
/// commits, and a call whose commit has begun is not stopped.
///
/// SQLite forgets an interrupt that finds no statement running. So the first step of a statement looks at the phase, each step of a
/// walk does, a running statement every thousand instructions, and a wait for another process's lock. They look at the deadline too,
/// if there is one.
@safe
final class Interruption: @unchecked Sendable {
    /// How far the call has come.
    private enum Phase: UInt8, AtomicRepresentable {
        case waiting, running
        /// A statement outside of a transaction commits. Afterwards the call is `running` again.
        case committing
        /// The same, and the call is to stop afterwards.
        case committingThenCancelled, committingThenOverdue
        /// Stopped, and another thread is in `sqlite3_interrupt`: the call must not end before that returns, because it would
        /// interrupt the next call.
        case interrupting
        case cancelled, overdue
        /// The part of the call that can be stopped has ended.
        case ended

        init(_ reason: Reason) {
            switch reason {
            case .cancelled: self = .cancelled
            case .overdue: self = .overdue
            }
        }
    }

    /// When the call has to be over; `nil` for never.
    let deadline: ContinuousClock.Instant?

    /// Whether the commit of a statement is the call's, so that nothing stops the call afterwards.
    let endsWithCommit: Bool

    private let phase = Atomic(Phase.waiting)

    // Written before the phase becomes `running`, and read by a thread that has seen that.
    private var handle: OpaquePointer?
    private var mayBeInterruptedAnywhere = true
    // Only of the thread that the call runs on.
    private var isOverdue = false
    private var hasCommitted = false

    /// The call whose caller waits, if one does.
    unowned var call: Request?

    init(deadline: ContinuousClock.Instant? = nil, endsWithCommit: Bool = false) {
        self.deadline = deadline
        self.endsWithCommit = endsWithCommit
    }

    /// Stops the call, if its end or its commit has not begun.
    ///
    /// - Returns: Whether this has stopped it: it changes nothing in the database from now on.
    @discardableResult
    func stop(_ reason: Reason) -> Bool {
        while true {
            switch phase.load(ordering: .relaxed) {
            case .waiting:
                if exchange(.waiting, Phase(reason)) { return true }
            case .running:
                // Acquire: the handle. It is open as long as the call cannot end.
                guard exchange(.running, .interrupting) else { continue }
                if let handle = unsafe handle, mayBeInterruptedAnywhere { unsafe sqlite3_interrupt(handle) }
                phase.store(Phase(reason), ordering: .releasing)
                return true
            case .committing:
                let next: Phase = reason == .cancelled ? .committingThenCancelled : .committingThenOverdue
                if exchange(.committing, next) { return false }
            case .committingThenCancelled, .committingThenOverdue, .interrupting, .cancelled, .overdue, .ended:
                return false
            }
        }
    }

    private func exchange(_ old: Phase, _ new: Phase) -> Bool {
        phase.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }

    // MARK: On the thread that the call runs on

    /// Whether the call is to stop. `false` before it has begun.
    ///
    /// - Complexity: O(1); a look at the clock where there is a deadline.
    var isRaised: Bool {
        // Relaxed: nothing else is read because of it.
        switch phase.load(ordering: .relaxed) {
        case .committingThenCancelled, .committingThenOverdue, .interrupting, .cancelled, .overdue: return true
        case .waiting, .running, .committing, .ended: break
        }
        guard let deadline else { return false }
        if !isOverdue, ContinuousClock.now >= deadline { isOverdue = true }
        return isOverdue
    }

    /// Begins the part of the call that can be stopped.
    ///
    /// - Parameters:
    ///   - handle: The connection that it runs on.
    ///   - anywhere: Whether it may be in the middle of a statement that writes, which ends the whole transaction.
    /// - Returns: Why it is stopped already, if it is.
    func begin(on handle: OpaquePointer?, anywhere: Bool = true) -> Reason? {
        unsafe self.handle = handle
        mayBeInterruptedAnywhere = anywhere
        if exchange(.waiting, .running) { return nil }
        return phase.load(ordering: .relaxed) == .overdue ? .overdue : .cancelled
    }

    /// Begins the commit of a statement outside of a transaction.
    ///
    /// - Returns: Whether it may commit: `false` if the call is stopped.
    func beginCommit() -> Bool {
        if exchange(.running, .committing) { hasCommitted = true }
        return hasCommitted
    }

    /// Ends that commit, if one has begun.
    ///
    /// - Returns: The reason for which the call was stopped, if it was.
    func endCommit() -> Reason? {
        guard hasCommitted else { return nil }
        hasCommitted = false
        if exchange(.committing, .running) { return nil }
        let reason: Reason = phase.load(ordering: .relaxed) == .committingThenOverdue ? .overdue : .cancelled
        phase.store(Phase(reason), ordering: .releasing)
        return reason
    }

    /// Ends the part of the call that can be stopped: afterwards nothing of the call's reaches the connection.
    ///
    /// - Returns: Why it was to stop, if it was.
    func end() -> Reason? {
        _ = endCommit()
        while true {
            switch phase.load(ordering: .acquiring) {
            case .running:
                if exchange(.running, .ended) { return isOverdueNow ? .overdue : nil }
            case .interrupting:
                // Another thread is between two instructions and a call that does not wait.
                continue
            case .ended:
                return isOverdue ? .overdue : nil
            case .overdue:
                return .overdue
            default:
                return .cancelled
            }
        }
    }

    private var isOverdueNow: Bool {
        guard let deadline else { return false }
        return isOverdue || ContinuousClock.now >= deadline
    }

    /// Why a call is to stop.
    enum Reason {
        case cancelled, overdue

        var error: any Error {
            switch self {
            case .cancelled: CancellationError()
            case .overdue: SQLiteError(.deadlineExceeded, "the call was not over before its deadline")
            }
        }
    }
}
