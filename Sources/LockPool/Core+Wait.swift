// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Core {
    /// Waits in line for a slot.
    ///
    /// The record says how far the waiter has come, because a cancellation may arrive at any point: before the waiter is in
    /// line it is noted, and the waiter stays out; afterwards it takes the waiter out of its cell, if nobody has served it.
    /// Whoever wins the cell wakes, alone. The record is given back after `withTaskCancellationHandler` has returned: that
    /// waits for a handler that is running.
    ///
    /// - Returns: A slot in the caller's hand, with an element or, where callers create, reserved.
    /// - Complexity: O(slots). Allocates nothing.
    func wait(deadlines: Deadlines, timeout: Duration?, onWait: () -> Void) async throws(LockPoolError) -> Slot {
        guard let index = takeRecord() else { throw error(isClosed ? Wakeup.closed : Wakeup.refused) }
        let deadline = timeout.map(deadlines.deadline(after:))
        let wakeup = await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { (continuation: UnsafeContinuation<Int, Never>) in
                let waker = unsafe Waker(continuation)
                if let refusal = enqueue(index, waker: waker, deadline: deadline) {
                    waker.wake(refusal)
                } else {
                    onWait()
                    if let deadline { deadlines.arm(deadline) }
                }
            }
        } onCancel: {
            cancel(record: index)
        }
        giveRecord(index)
        if wakeup < 0 { throw error(wakeup) }
        return slot(wakeup)
    }

    /// Puts the waiter with this record in line and looks at every slot for it.
    ///
    /// The waiter may have been served, and its waker called, before this returns.
    ///
    /// - Returns: `nil` if the waker is or will be called, by someone; else the `Wakeup` that says why not.
    func enqueue(_ index: Int, waker: Waker, deadline: UInt?) -> Int? {
        let record = self.record(index)
        record.waker = waker
        if let deadline { record.deadline.storeRelaxed(deadline) }
        if record.progress.load() == Record.Progress.cancelledEarly { return Wakeup.cancelled }
        let ticket: Ticket
        switch enqueue(record: index) {
        case .queued(let place): ticket = place
        case .refused(let reason): return reason
        }
        examineSlots()
        // Release: whoever cancels by this ticket finds the waker. If a cancellation came first, it is now ours to act on;
        // if the waiter has been served meanwhile, the cancellation comes too late.
        if record.progress.swap(Record.Progress.preparing, Record.Progress.queued(ticket)) { return nil }
        return cancel(ticket, record: index) ? Wakeup.cancelled : nil
    }

    /// Cancels the waiter with this record, wherever it is on its way.
    private func cancel(record index: Int) {
        let progress = record(index).progress
        if progress.swap(Record.Progress.preparing, Record.Progress.cancelledEarly) { return }
        guard let ticket = Record.Progress.ticket(progress.load()) else { return }
        if cancel(ticket, record: index) { wake(index, Wakeup.cancelled) }
    }

    /// Fails every waiter whose deadline has come.
    ///
    /// - Returns: The earliest deadline of the others, if any has one.
    /// - Complexity: O(maximum waiters).
    func failWaiters(dueAt now: UInt) -> UInt? {
        var earliest: UInt?
        for index in 0..<shape.maximumWaiters {
            let record = self.record(index)
            // The ticket before the deadline: a deadline that belongs to an earlier waiter is overwritten before the ticket
            // of a later one can be seen.
            guard let ticket = Record.Progress.ticket(record.progress.load()) else { continue }
            let deadline = record.deadline.loadRelaxed()
            if deadline == 0 { continue }
            if deadline <= now {
                if cancel(ticket, record: index) { wake(index, Wakeup.timedOut) }
            } else if isWaiting(ticket, record: index) {
                earliest = min(earliest ?? deadline, deadline)
            }
        }
        return earliest
    }

    private func isWaiting(_ ticket: Ticket, record: Int) -> Bool {
        cell(ticket).loadAcquire() == CellWord(ticket, .waiting, record: record).bits
    }

    private var isClosed: Bool { QueueWord(bits: queue.load()).isClosed }
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
