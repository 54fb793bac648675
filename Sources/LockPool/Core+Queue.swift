// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The waiter queue: strict first-in, first-out, bounded, cancellable in O(1), lock-free, without allocation.
//
// Cancelling first at the cell and handing over at the cell is the idea of CQS (Koval, Khalanskiy, Alistarh: "CQS: A
// Formally-Verified Framework for Fair and Abortable Synchronization", PLDI 2023). Helping at the tail is Michael's and
// Scott's (PODC 1996). A ticket's cell goes from empty to waiting before the ticket is in line, from waiting to cancelled
// or to empty-for-the-next-lap once, and whoever makes that last step decides the waiter's fate, alone.

extension Core {
    /// What came of an attempt to get in line.
    enum Enqueueing {
        case queued(Ticket)
        case refused(Int)
    }

    /// Gets in line. Afterwards the caller must `examineSlots()`, or a slot may stay idle while it waits.
    ///
    /// - Complexity: O(1) when nobody interferes; lock-free.
    func enqueue(record: Int) -> Enqueueing {
        var hasTrimmed = false
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isClosed { return .refused(Wakeup.closed) }
            if word.length == UInt(shape.ring) {
                // Cancelled tickets may fill the ring; those at its head can go.
                if hasTrimmed { return .refused(Wakeup.refused) }
                trim()
                hasTrimmed = true
                continue
            }
            let ticket = word.tail
            let cell = self.cell(ticket)
            // Acquire: an occupied cell was filled by another newcomer, whom we help.
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket != ticket {
                precondition(content.ticket.isAfter(ticket), "LockPool: a cell was not emptied before its next lap.")
                continue  // `word` was stale
            }
            // Release: who reads the record through this cell finds it written.
            if content.isEmpty {
                if cell.swapAcquireRelease(content.bits, CellWord(ticket, .waiting, record: record).bits) {
                    return publish(ticket) ? .queued(ticket) : .refused(Wakeup.closed)
                }
            } else {
                _ = queue.swap(word.bits, word.longer.bits)
            }
        }
    }

    /// Moves the tail past `ticket`, whose cell is filled. Anybody may have done it already.
    ///
    /// - Returns: `false` if the queue was closed before.
    private func publish(_ ticket: Ticket) -> Bool {
        while true {
            // Sequentially consistent, also where it only shows that a helper was faster: what this thread reads of the
            // slots from now on must not be older than its place in line.
            let word = QueueWord(bits: queue.load())
            if word.tail != ticket { return true }
            if word.isClosed { return false }
            if queue.swap(word.bits, word.longer.bits) { return true }
        }
    }

    /// Takes the oldest live waiter out of the line.
    ///
    /// - Returns: Its record, or `nil` if nobody waits. It is the caller's to wake, by `wake(_:_:)`.
    /// - Complexity: O(1) and O(1) per cancelled waiter before it, which nobody meets again; lock-free.
    func dequeue() -> Int? {
        while true {
            // Sequentially consistent: pairs with the exchange of a slot's state before it (see `settle`).
            let word = QueueWord(bits: queue.load())
            if word.isEmpty { return nil }
            let head = word.head
            let cell = self.cell(head)
            // Acquire: to see the record as its owner wrote it.
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket == head {
                precondition(!content.isEmpty, "LockPool: a ticket is in line without a waiter.")
                guard cell.swapAcquireRelease(content.bits, emptied(head).bits) else { continue }
                advanceHead(past: head)
                if content.isWaiting { return content.record }
            } else {
                advanceHead(past: head)  // emptied by another thread that has not come to this yet
            }
        }
    }

    /// Takes a waiter out of its place in line.
    ///
    /// - Returns: Whether it was still there. If so the caller has to wake it; otherwise it has been served, or is about to
    ///   be, or is out already.
    /// - Complexity: O(1), and O(1) per cancelled waiter at the head of the line, which nobody meets again.
    func cancel(_ ticket: Ticket, record: Int) -> Bool {
        let waiting = CellWord(ticket, .waiting, record: record)
        guard cell(ticket).swapAcquireRelease(waiting.bits, CellWord(ticket, .cancelled).bits) else { return false }
        trim()
        return true
    }

    /// Removes cancelled tickets from the head of the line.
    func trim() {
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isEmpty { return }
            let head = word.head
            let cell = self.cell(head)
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket == head {
                if !content.isCancelled { return }
                guard cell.swapAcquireRelease(content.bits, emptied(head).bits) else { continue }
            }
            advanceHead(past: head)
        }
    }

    /// Lets nobody in line any more.
    ///
    /// - Returns: `false` if it was closed before.
    func closeQueue() -> Bool {
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isClosed { return false }
            if queue.swap(word.bits, word.closed.bits) { return true }
        }
    }

    /// Wakes a waiter that the caller has taken out of the line, and touches nothing of it afterwards.
    func wake(_ record: Int, _ wakeup: Int) {
        let waker = self.record(record).waker
        if waker.givesRecordBack { leaveRecord(record, Record.Progress.left) }
        waker.wake(wakeup)
    }

    private func emptied(_ ticket: Ticket) -> CellWord {
        CellWord(ticket.advanced(by: UInt(shape.ring)), .empty)
    }

    private func advanceHead(past ticket: Ticket) {
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isEmpty || word.head != ticket { return }
            if queue.swap(word.bits, word.shorter.bits) { return }
        }
    }
}
