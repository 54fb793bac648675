// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#if !hasFeature(Embedded)

    import CLockPoolThread

    extension Core {
        /// Waits in line for a slot and blocks the thread.
        ///
        /// The thread times its own wait and takes its waiter out of the line at the deadline. A
        /// blocked thread thus depends on no task, which might find no thread to run on.
        ///
        /// - Parameter timeout: The longest wait; `nil` for no limit.
        /// - Returns: A slot that the caller holds.
        /// - Complexity: O(slots). Allocates only the memory that no waiter has needed before.
        @usableFromInline
        func waitBlocking(timeout: Duration?) throws(LockPoolError) -> Slot {
            precondition(!shape.callersCreate, "LockPool: callers create in this pool, so check out with getOrCreate.")
            guard let index = takeRecord() else { throw error(isClosed ? Wakeup.closed : Wakeup.refused) }
            defer { releaseRecord(index) }
            let wakeup = unsafe withUnsafeTemporaryAllocation(of: lockpool_parker.self, capacity: 1) { buffer in
                let parker = buffer.baseAddress!
                unsafe lockpool_parker_init(parker)
                defer { unsafe lockpool_parker_destroy(parker) }
                let waker = unsafe Waker(
                    function: { context, wakeup in
                        unsafe lockpool_parker_wake(context.assumingMemoryBound(to: lockpool_parker.self), wakeup)
                    },
                    context: UnsafeMutableRawPointer(parker)
                )
                if let refusal = enqueue(index, waker: waker, deadline: nil) { return refusal }
                var wakeup = 0
                if unsafe lockpool_parker_wait(parker, timeout?.wholeNanoseconds ?? .max, &wakeup) { return wakeup }
                if let ticket = Record.Progress.ticket(record(index).progress.load()), cancel(ticket, record: index) {
                    return Wakeup.timedOut
                }
                // Another thread has taken this waiter out of the line and is about to wake it.
                _ = unsafe lockpool_parker_wait(parker, .max, &wakeup)
                return wakeup
            }
            if wakeup < 0 { throw error(wakeup) }
            return slot(wakeup)
        }
    }

#endif
