// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The error of a checkout that yields no element.
public struct LockPoolError: Error, Hashable, Sendable {
    /// A kind of error. A later version may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        enum Kind: UInt8 {
            case closed, tooManyWaiters, cancelled, timedOut, failed
        }

        let kind: Kind

        /// The pool was closed before the call or during the wait.
        public static var closed: Code { Code(kind: .closed) }

        /// The line already had its largest number of waiters.
        public static var tooManyWaiters: Code { Code(kind: .tooManyWaiters) }

        /// A callback waiter was cancelled. A task that is cancelled while it waits receives
        /// `CancellationError` instead.
        public static var cancelled: Code { Code(kind: .cancelled) }

        /// No element became available before the deadline.
        public static var timedOut: Code { Code(kind: .timedOut) }

        /// The code's name.
        public var description: String {
            switch kind {
            case .closed: "closed"
            case .tooManyWaiters: "tooManyWaiters"
            case .cancelled: "cancelled"
            case .timedOut: "timedOut"
            case .failed: "failed"
            }
        }
    }

    /// The kind of error.
    public let code: Code

    /// The number of slots of the pool.
    public let slots: Int

    /// The largest number of concurrent waiters of the pool.
    public let maximumWaiters: Int

    /// The argument of ``LockPool/failOldestWaiter(reason:)``; 0 for every other error.
    package let reason: Int
}

extension LockPoolError: CustomStringConvertible {
    /// A sentence that says what happened, and what to do about it.
    public var description: String {
        switch code.kind {
        case .closed:
            "The pool is closed."
        case .tooManyWaiters:
            "All \(slots) slots are taken and \(maximumWaiters) callers wait already, which is the pool's bound. "
                + "Shed load, hold elements for a shorter time, or raise the bound."
        case .cancelled:
            "The wait for one of the pool's \(slots) slots was cancelled."
        case .timedOut:
            "None of the pool's \(slots) slots became idle before the deadline. "
                + "Hold elements for a shorter time, or give the pool more of them."
        case .failed:
            "The pool's owner ended the wait for one of its \(slots) slots."
        }
    }
}

extension Core {
    /// Returns the error for a `Wakeup` that is not a slot.
    func error(_ wakeup: Int) -> LockPoolError {
        let kind: LockPoolError.Code.Kind =
            switch wakeup {
            case Wakeup.cancelled: .cancelled
            case Wakeup.timedOut: .timedOut
            case Wakeup.closed: .closed
            case ...Wakeup.failed: .failed
            default: .tooManyWaiters
            }
        return LockPoolError(
            code: LockPoolError.Code(kind: kind),
            slots: Int(targetSize.loadRelaxed()),
            maximumWaiters: shape.maximumWaiters,
            reason: kind == .failed ? Wakeup.failed - wakeup : 0
        )
    }
}
