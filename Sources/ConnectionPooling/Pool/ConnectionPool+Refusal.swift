// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import LockPool
import Synchronization

/// The reason why a caller is refused without a wait.
@usableFromInline
struct Refusal: Sendable {
    let code: PoolError.Code
    let cause: (any Error)?
}

extension ConnectionPool {
    /// Whether callers wait until ``resume()``.
    var isSuspended: Bool { context.checkoutState.load(ordering: .sequentiallyConsistent) == CheckoutState.suspended }

    /// Returns the reason why a caller cannot get in line now; `nil` if it can.
    ///
    /// - Parameter isNewcomer: Whether the caller has not been in line before. A shutdown still
    ///   serves a caller that has.
    @usableFromInline
    func refusal(at now: UInt64, isNewcomer: Bool = true) -> Refusal? {
        switch context.checkoutState.load(ordering: .sequentiallyConsistent) {
        case CheckoutState.draining where isNewcomer:
            return Refusal(code: .closed, cause: nil)
        case CheckoutState.suspended:
            // The resumed pool may connect to another server.
            holdIdle()
            return nil
        default:
            let (isRefused, failure) = growth.refusal(at: now)
            if !isRefused || hasConnections { return nil }
            noteBreaker(isOpen: true)
            return Refusal(code: .connectFailed, cause: failure ?? pendingConnect(at: now))
        }
    }

    @usableFromInline
    func error(_ refusal: Refusal, since began: UInt64) -> PoolError {
        error(refusal.code, since: began, cause: refusal.cause)
    }

    /// Returns the error of a caller whose wait has ended without a connection. Called once for
    /// each such wait.
    @usableFromInline
    func error(_ failure: LockPoolError, since began: UInt64, cause: (any Error)? = nil) -> PoolError {
        error(PoolError.Code(failure.code), since: began, cause: growth.causes.take(failure.reason) ?? cause)
    }

    /// Fails the longest-waiting callers with a cause.
    func refuseWaiters(_ cause: any Error, atMost limit: Int = .max) {
        growth.causes.refuse(cause, atMost: limit) { lockPool.failOldestWaiter(reason: $0) }
    }

    /// Fails all waiting callers, unless there is a connection that they may receive, or the pool
    /// is suspended.
    func refuseWaitersWithoutConnection(_ cause: any Error) {
        if hasConnections || isSuspended { return }
        refuseWaiters(cause)
    }

    /// Returns the reason why there is no connection while the first attempt has neither failed
    /// nor succeeded.
    func pendingConnect(at now: UInt64) -> PoolError.ConnectPending {
        let target = factory.target
        let connect = growth.operations.longest(.connect, at: now, target: target)
        return PoolError.ConnectPending(
            operation: connect ?? PoolOperation(kind: .connect, target: target, duration: .zero)
        )
    }

    /// Records that a caller is about to wait for a connection, or for another task that leases
    /// one for it. A shutdown waits for the caller.
    @usableFromInline
    package func beginCall() { calls.add(1, ordering: .sequentiallyConsistent) }

    /// Records that a caller has a connection or an error.
    @usableFromInline
    package func endCall() {
        calls.subtract(1, ordering: .sequentiallyConsistent)
        notifyShutdown()
    }
}
