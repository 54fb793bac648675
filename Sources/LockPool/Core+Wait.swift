// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    extension Core {
        /// Waits in line for a slot.
        ///
        /// The record says how far the waiter has come, because a cancellation may arrive at any point: before the waiter is in
        /// line it is noted, and the waiter stays out; afterwards it takes the waiter out of its cell, if nobody has served it.
        /// Whoever wins the cell wakes, alone. The record is given back after `withCancellableContinuation` has returned: that
        /// waits for a handler that is running.
        ///
        /// - Parameters:
        ///   - deadlines: What ends the wait after `timeout`; `nil` where there is none.
        ///   - ticks: How long to wait, in the deadlines' ticks; `nil` for as long as it takes.
        ///   - creates: Whether the caller can be handed a vacant slot. In one pool all callers can, or none.
        /// - Returns: A `Wakeup`: a slot in the caller's hand, with an element or, where callers create, reserved; or why there is none.
        /// - Complexity: As `examineSlots()`. Allocates nothing.
        @usableFromInline
        func wait(deadlines: Deadlines?, ticks: UInt?, creates: Bool = false) async -> Int {
            precondition(
                creates == shape.callersCreate,
                "LockPool: callers create in this pool, so check out with getOrCreate."
            )
            guard let index = takeRecord() else { return isClosed ? Wakeup.closed : Wakeup.refused }
            let deadline = ticks.flatMap { deadlines?.deadline(after: $0) }
            let wakeup: Int = await unsafe withCancellableContinuation { continuation in
                let waker = unsafe Waker(continuation)
                if let refusal = enqueue(index, waker: waker, deadline: deadline) {
                    waker.wake(refusal)
                } else if let deadline {
                    deadlines?.arm(deadline, record: index)
                }
            } onCancel: {
                cancel(record: index)
            }
            giveRecord(index)
            return wakeup
        }

        /// The slot that a wait has ended with.
        @usableFromInline
        func slot(from wakeup: Int) throws(LockPoolError) -> Slot {
            if wakeup < 0 { throw error(wakeup) }
            return slot(wakeup)
        }

        /// The slot that a task's wait has ended with.
        ///
        /// - Throws: `CancellationError` if the task was cancelled; else `LockPoolError`.
        @usableFromInline
        func slotForTask(from wakeup: Int) throws -> Slot {
            if wakeup == Wakeup.cancelled { throw CancellationError() }
            return try slot(from: wakeup)
        }
    }

    extension Waker {
        /// Resumes a task.
        init(_ continuation: UnsafeContinuation<Int, Never>) {
            unsafe self.init(
                function: { context, wakeup in
                    unsafe unsafeBitCast(context, to: UnsafeContinuation<Int, Never>.self).resume(returning: wakeup)
                },
                context: unsafeBitCast(continuation, to: UnsafeMutableRawPointer.self)
            )
        }
    }

#endif
