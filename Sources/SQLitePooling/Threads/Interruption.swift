// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import Synchronization

/// Stops one call, and no other, from any thread.
///
/// Each call has its own interruption, so that a late cancellation finds a call that has ended and
/// has no effect.
///
/// A stop and a commit exclude each other, because each is a transition of the phase from
/// `running`: a stopped call never commits, and a call whose commit has begun is not stopped.
///
/// SQLite discards an interrupt while no statement runs. So the phase is checked by the first step
/// of a statement, by each step of `forEachRow` and `withCursor`, by a running statement every
/// thousand instructions, and by a wait for another process's lock. These checks include the
/// deadline, if the call has one.
@safe
final class Interruption: @unchecked Sendable {
    /// The progress of the call.
    private enum Phase: UInt8, AtomicRepresentable {
        case waiting, running
        /// A statement outside of a transaction is committing. Afterwards the call is `running`
        /// again.
        case committing
        /// As `committing`, and the call stops after the commit.
        case committingThenCancelled, committingThenOverdue
        /// Stopped, and another thread is in `sqlite3_interrupt`. The call must not end before
        /// that returns, because the interrupt would reach the next call.
        case interrupting
        case cancelled, overdue
        /// The interruptible part of the call has ended.
        case ended

        init(_ reason: Reason) {
            switch reason {
            case .cancelled: self = .cancelled
            case .overdue: self = .overdue
            }
        }
    }

    /// The deadline of the call; `nil` for none.
    let deadline: ContinuousClock.Instant?

    /// Whether the commit of the statement ends the call, so that nothing stops the call
    /// afterwards.
    let endsWithCommit: Bool

    private let phase = Atomic(Phase.waiting)

    // Written before the phase becomes `running`, and read by a thread that has seen that phase.
    private var handle: OpaquePointer?
    private var mayBeInterruptedAnywhere = true
    // Used only by the thread that runs the call.
    private var isOverdue = false
    private var hasCommitted = false

    /// The call, if a caller waits for it.
    unowned var call: Call?

    init(deadline: ContinuousClock.Instant? = nil, endsWithCommit: Bool = false) {
        self.deadline = deadline
        self.endsWithCommit = endsWithCommit
    }

    /// Stops the call, unless its end or its commit has begun.
    ///
    /// - Returns: Whether this call of `stop` has stopped it. If so, it changes nothing in the
    ///   database afterwards.
    @discardableResult
    func stop(_ reason: Reason) -> Bool {
        while true {
            switch phase.load(ordering: .relaxed) {
            case .waiting:
                if exchange(.waiting, Phase(reason)) { return true }
            case .running:
                // Acquires the handle, which stays open as long as the call cannot end.
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

    // MARK: On the thread that runs the call

    /// Whether the call must stop. `false` before it begins.
    ///
    /// - Complexity: O(1); reads the clock if there is a deadline.
    var isRaised: Bool {
        // Relaxed: no other data are read because of it.
        switch phase.load(ordering: .relaxed) {
        case .committingThenCancelled, .committingThenOverdue, .interrupting, .cancelled, .overdue: return true
        case .waiting, .running, .committing, .ended: break
        }
        guard let deadline else { return false }
        if !isOverdue, ContinuousClock.now >= deadline { isOverdue = true }
        return isOverdue
    }

    /// The reason if the call must stop; otherwise `nil`.
    var stopReason: Reason? {
        guard isRaised else { return nil }
        while true {
            switch phase.load(ordering: .relaxed) {
            // The other thread is about to return from `sqlite3_interrupt`, which does not wait.
            case .interrupting: continue
            case .cancelled, .committingThenCancelled: return .cancelled
            default: return .overdue
            }
        }
    }

    /// Begins the interruptible part of the call.
    ///
    /// - Parameters:
    ///   - handle: The connection that runs the call.
    ///   - anywhere: Whether `sqlite3_interrupt` may stop a statement in its middle, which rolls
    ///     back the whole transaction if the statement writes.
    /// - Returns: The reason if the call is already stopped; otherwise `nil`.
    func begin(on handle: OpaquePointer?, anywhere: Bool = true) -> Reason? {
        unsafe self.handle = handle
        mayBeInterruptedAnywhere = anywhere
        if exchange(.waiting, .running) { return nil }
        return phase.load(ordering: .relaxed) == .overdue ? .overdue : .cancelled
    }

    /// Begins the commit of a statement outside of a transaction.
    ///
    /// - Returns: Whether the statement may commit; `false` if the call is stopped.
    func beginCommit() -> Bool {
        if exchange(.running, .committing) { hasCommitted = true }
        return hasCommitted
    }

    /// Ends the commit of a statement, if one has begun.
    ///
    /// - Returns: The reason if the call was stopped during the commit; otherwise `nil`.
    func endCommit() -> Reason? {
        guard hasCommitted else { return nil }
        hasCommitted = false
        if exchange(.committing, .running) { return nil }
        let reason: Reason = phase.load(ordering: .relaxed) == .committingThenOverdue ? .overdue : .cancelled
        phase.store(Phase(reason), ordering: .releasing)
        return reason
    }

    /// Ends the interruptible part of the call. Afterwards no interrupt for this call reaches the
    /// connection.
    ///
    /// - Returns: The reason if the call was stopped; otherwise `nil`.
    func end() -> Reason? {
        _ = endCommit()
        while true {
            switch phase.load(ordering: .acquiring) {
            case .running:
                if exchange(.running, .ended) { return isOverdueNow ? .overdue : nil }
            case .interrupting:
                // The other thread is about to return from `sqlite3_interrupt`, which does not
                // wait.
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

    /// The reason for which a call stops.
    enum Reason {
        case cancelled, overdue

        var error: any Error {
            switch self {
            case .cancelled: CancellationError()
            case .overdue: SQLiteError(.timedOut, "the call did not end before its deadline")
            }
        }
    }
}
