// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import CLockPoolSQLite
internal import Synchronization

/// Lets any thread interrupt one call, and no other.
///
/// Each call has one of its own, so that a cancellation that comes too late finds a call that has ended, and does nothing.
///
/// SQLite forgets an interrupt that finds no statement running. So there is a flag too, the phase: each step looks at it, and
/// so does a running statement every thousand instructions, and a wait for another process's lock. They look at the deadline
/// too, if there is one.
@safe
final class Interruption: @unchecked Sendable {
    /// How far the call has come.
    private enum Phase {
        static let waiting: UInt8 = 0
        /// Cancelled before it has begun.
        static let cancelledEarly: UInt8 = 1
        static let running: UInt8 = 2
        /// Cancelled, and somebody is telling SQLite so: the call must not end meanwhile, because the next one would be told.
        static let interrupting: UInt8 = 3
        static let interrupted: UInt8 = 4
        static let ended: UInt8 = 5
    }

    /// When the call has to be over; `nil` for never.
    let deadline: ContinuousClock.Instant?

    private let phase = Atomic<UInt8>(Phase.waiting)

    // Written before the phase becomes `running`, and read by who has seen that.
    private var handle: OpaquePointer?
    private var mayBeInterruptedAnywhere = true
    // Of the thread that the call runs on alone.
    private var isOverdue = false

    init(deadline: ContinuousClock.Instant? = nil) { self.deadline = deadline }

    /// Cancels the call, if it has not ended.
    func cancel() {
        while true {
            switch phase.load(ordering: .relaxed) {
            case Phase.waiting:
                if exchange(Phase.waiting, Phase.cancelledEarly) { return }
            case Phase.running:
                // Acquire: the handle. It is open as long as the call cannot end.
                guard exchange(Phase.running, Phase.interrupting) else { continue }
                if let handle = unsafe handle, mayBeInterruptedAnywhere { unsafe sqlite3_interrupt(handle) }
                phase.store(Phase.interrupted, ordering: .releasing)
                return
            default:
                return
            }
        }
    }

    private func exchange(_ old: UInt8, _ new: UInt8) -> Bool {
        phase.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }

    // MARK: On the thread that the call runs on

    /// Why the call is to stop, if it is. `false` before it has begun.
    ///
    /// - Complexity: O(1); a look at the clock where there is a deadline.
    var isRaised: Bool {
        // Relaxed: nothing else is read because of it.
        switch phase.load(ordering: .relaxed) {
        case Phase.cancelledEarly, Phase.interrupting, Phase.interrupted: return true
        default: break
        }
        guard let deadline else { return false }
        if !isOverdue, ContinuousClock.now >= deadline { isOverdue = true }
        return isOverdue
    }

    /// Begins the part of the call that can be interrupted.
    ///
    /// - Parameters:
    ///   - handle: The connection that it runs on.
    ///   - anywhere: Whether it may be in the middle of a statement that writes, which ends the whole transaction.
    /// - Returns: Whether it is cancelled already.
    func begin(on handle: OpaquePointer?, anywhere: Bool = true) -> Bool {
        unsafe self.handle = handle
        mayBeInterruptedAnywhere = anywhere
        return !exchange(Phase.waiting, Phase.running)
    }

    /// Ends that part: afterwards nothing of the call's reaches the connection.
    ///
    /// - Returns: Why it was to stop, if it was.
    func end() -> Reason? {
        while true {
            let phase = phase.load(ordering: .acquiring)
            switch phase {
            case Phase.running:
                if exchange(Phase.running, Phase.ended) { return isOverdueNow ? .overdue : nil }
            case Phase.interrupting:
                // Somebody is between two instructions and a call that does not wait.
                continue
            case Phase.ended:
                return isOverdue ? .overdue : nil
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
