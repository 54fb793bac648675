// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A waiter's way through the line: in, and out before its turn. `Core+Queue.swift` handles
// positions in line. This file handles the waiters at those positions, whose cancellation may
// arrive at any point.

extension Core {
    /// Puts the waiter with this record in line and examines every slot for it.
    ///
    /// The waiter may have been served, and its waker called, before this function returns.
    ///
    /// - Returns: `nil` if a thread has called or will call the waker; otherwise the `Wakeup`
    ///   with the reason.
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
        // Release: a thread that cancels by this ticket finds the waker. If a cancellation came
        // first, this thread has to act on it. If the waiter has been served in the meantime, the
        // cancellation is too late.
        if record.progress.compareExchange(Record.Progress.preparing, Record.Progress.queued(ticket)) { return nil }
        return cancel(ticket, record: index) ? Wakeup.cancelled : nil
    }

    /// Puts a waiter in line that cannot be cancelled before it is in line.
    ///
    /// The caller must then call `examineSlots()`.
    func enqueue(_ index: Int, waker: Waker) -> Enqueueing {
        record(index).waker = waker
        return enqueue(record: index)
    }

    /// Cancels the waiter with this record, at any stage of its wait.
    func cancel(record index: Int) {
        let progress = record(index).progress
        if progress.compareExchange(Record.Progress.preparing, Record.Progress.cancelledEarly) { return }
        guard let ticket = Record.Progress.ticket(progress.load()) else { return }
        if cancel(ticket, record: index) { wake(index, Wakeup.cancelled) }
    }

    /// Fails every waiter with one of these records whose deadline has passed.
    ///
    /// - Returns: The earliest of the other deadlines; `nil` if there is none.
    /// - Complexity: O(records).
    func failWaiters(_ records: Range<Int>, dueAt now: UInt) -> UInt? {
        var earliest: UInt?
        // Sequentially consistent, like the words of `Deadlines`: a waiter whose record this sweep
        // does not find in use finds that the sweep has cleared its leaf.
        let used = min(records.upperBound, Int(usedRecords.load()))
        for index in records.lowerBound..<max(records.lowerBound, used) {
            let record = self.record(index)
            // Read the ticket before the deadline: the deadline of an earlier waiter is
            // overwritten before the ticket of a later waiter becomes visible.
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

    var isClosed: Bool { QueueWord(bits: queue.load()).isClosed }
}
