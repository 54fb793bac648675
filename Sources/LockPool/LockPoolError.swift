// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// Why a checkout gave no element.
public struct LockPoolError: Error, Hashable, Sendable {
    /// The kinds of reason. More may come with a later version.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        enum Kind: UInt8 {
            case closed, tooManyWaiters, cancelled, timedOut, failed
        }

        let kind: Kind

        /// The pool was closed, before the call or while the caller waited.
        public static var closed: Code { Code(kind: .closed) }

        /// As many callers waited as the pool's bound allows, so this one was refused at once.
        public static var tooManyWaiters: Code { Code(kind: .tooManyWaiters) }

        /// A callback waiter was cancelled. A task that is cancelled while it waits sees `CancellationError` instead.
        public static var cancelled: Code { Code(kind: .cancelled) }

        /// The deadline came before an element did.
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

    /// What kind of reason it is.
    public let code: Code

    /// How many slots the pool has.
    public let slots: Int

    /// How many callers may wait for one of them at a time.
    public let maximumWaiters: Int

    /// The number that ``LockPool/failOldestWaiter(reason:)`` was called with; 0 for every other error.
    package let reason: Int
}

extension LockPoolError: CustomStringConvertible {
    /// What happened, and what can be done about it, as one sentence or two.
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
            "None of the pool's \(slots) slots came free before the deadline. "
                + "Hold elements for a shorter time, or give the pool more of them."
        case .failed:
            "The wait for one of the pool's \(slots) slots was ended by whoever fills them."
        }
    }
}

extension Core {
    /// The error for a `Wakeup` that is not a slot.
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
            slots: capacity,
            maximumWaiters: shape.maximumWaiters,
            reason: kind == .failed ? Wakeup.failed - wakeup : 0
        )
    }
}
