// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A waiter's way through the line: in, and out before its turn. `Core+Queue.swift` is about places in line; this is about who
// stands there, which a cancellation may meet at any point.

extension Core {
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

    /// Puts a waiter in line that nobody can cancel before it is there.
    ///
    /// Afterwards the caller must `examineSlots()`.
    func enqueue(_ index: Int, waker: Waker) -> Enqueueing {
        record(index).waker = waker
        return enqueue(record: index)
    }

    /// Cancels the waiter with this record, wherever it is on its way.
    func cancel(record index: Int) {
        let progress = record(index).progress
        if progress.swap(Record.Progress.preparing, Record.Progress.cancelledEarly) { return }
        guard let ticket = Record.Progress.ticket(progress.load()) else { return }
        if cancel(ticket, record: index) { wake(index, Wakeup.cancelled) }
    }

    /// Fails every waiter with one of these records whose deadline has come.
    ///
    /// - Returns: The earliest deadline of the others, if any has one.
    /// - Complexity: O(records).
    func failWaiters(_ records: Range<Int>, dueAt now: UInt) -> UInt? {
        var earliest: UInt?
        let used = min(records.upperBound, Int(usedRecords.loadAcquire()))
        for index in records.lowerBound..<max(records.lowerBound, used) {
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

    var isClosed: Bool { QueueWord(bits: queue.load()).isClosed }
}
