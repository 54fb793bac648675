// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    extension Core {
        /// Waits in line for a slot.
        ///
        /// The record stores the stage of the wait, because a cancellation may arrive at any
        /// point. A cancellation before the waiter is in line is stored, and the waiter stays out
        /// of the line. A later one takes the waiter out of its cell if no thread has served it.
        /// The thread that wins the cell alone wakes the waiter. The record is released after
        /// `withCancellableContinuation` has returned, which waits for a running handler.
        ///
        /// - Parameters:
        ///   - deadlines: Ends the wait after `ticks`; `nil` if there is no limit.
        ///   - ticks: The longest wait, in ticks; `nil` for no limit.
        ///   - creates: Whether the caller can accept a vacant slot. In one pool all callers can,
        ///     or none.
        /// - Returns: A `Wakeup`: a slot that the caller holds, with an element or, if callers
        ///   create, reserved; or the reason why there is none.
        /// - Complexity: As `examineSlots()`. Allocates only the memory that no
        ///   waiter has needed before.
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
            releaseRecord(index)
            return wakeup
        }

        /// Returns the slot that a wait has ended with.
        @usableFromInline
        func slot(from wakeup: Int) throws(LockPoolError) -> Slot {
            if wakeup < 0 { throw error(wakeup) }
            return slot(wakeup)
        }

        /// Returns the slot that a task's wait has ended with.
        ///
        /// - Throws: `CancellationError` if the task was cancelled, otherwise `LockPoolError`.
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
