// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The waiter queue: strict first-in, first-out, bounded, cancellable in O(1), lock-free, without allocation.
//
// Cancelling first at the cell and handing over at the cell is the idea of CQS (Koval, Khalanskiy, Alistarh: "CQS: A
// Formally-Verified Framework for Fair and Abortable Synchronization", PLDI 2023). Helping at the tail is Michael's and
// Scott's (PODC 1996). A ticket's cell goes from empty to waiting once, and from waiting to empty-for-the-next-lap once, and the
// thread that makes that last step decides the waiter's fate, alone.
//
// The line may be longer than the ring. A waiter that leaves before its turn empties its cell at once, so only live waiters, of which
// there are fewer than cells, occupy the ring. Where an older waiter is in the cell of a newcomer's ticket, the newcomer leaves that
// ticket out: it moves the tail past the ticket and takes the next. The head passes a ticket when its cell serves a later one, and
// first makes it do so if the ticket was left out.

extension Core {
    /// What came of an attempt to get in line.
    enum Enqueueing {
        case queued(Ticket)
        case refused(Int)
    }

    /// Gets in line. Afterwards the caller must `examineSlots()`, or a slot may stay idle while it waits.
    ///
    /// - Complexity: Amortized O(1) when nobody interferes; lock-free.
    func enqueue(record: Int) -> Enqueueing {
        let enqueueing = fillCell(record)
        // In line, and then counted: whoever waits for a number of waiters finds so many in line. A server may take the waiter out, and
        // count it as out, before.
        if case .queued = enqueueing { live.increase(by: 1) }
        return enqueueing
    }

    private func fillCell(_ record: Int) -> Enqueueing {
        var hasTrimmed = false
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isClosed { return .refused(Wakeup.closed) }
            if word.length == QueueWord.lengthMask {
                // As long as a line can be told to be; tickets at its head that nobody waits with can go.
                if hasTrimmed { return .refused(Wakeup.refused) }
                trim()
                hasTrimmed = true
                continue
            }
            let ticket = word.tail
            let cell = makeCell(ticket)
            // Acquire: an occupied cell was filled by another newcomer, which this one helps.
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket.isAfter(ticket) { continue }  // `word` was stale
            // Release: a thread that reads the record through this cell finds it written. An empty cell may still serve a ticket of an
            // earlier lap that was left out.
            if content.isEmpty {
                if cell.swapAcquireRelease(content.bits, CellWord(ticket, .waiting, record: record).bits) {
                    return publish(ticket) ? .queued(ticket) : .refused(Wakeup.closed)
                }
            } else {
                // Helps the newcomer with this ticket, or leaves the ticket out, because an older waiter is in the cell.
                _ = queue.swap(word.bits, word.longer.bits)
            }
        }
    }

    /// Moves the tail past `ticket`, whose cell is filled. Another thread may have done it already.
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
    /// - Complexity: O(1) and O(1) per ticket without a waiter before it, each of which is passed once; lock-free.
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
                // If it is empty, the ticket was left out; a newcomer that has not seen that may still fill the cell instead.
                guard cell.swapAcquireRelease(content.bits, emptied(head).bits) else { continue }
                advanceHead(past: head)
                if content.isWaiting {
                    live.decrease(by: 1)
                    return content.record
                }
            } else {
                advanceHead(past: head)  // its waiter has left, or another thread takes it out
            }
        }
    }

    /// Takes a waiter out of its place in line.
    ///
    /// - Returns: Whether it was still there. If so the caller has to wake it; otherwise it has been served, or is about to
    ///   be, or is out already.
    /// - Complexity: O(1), and O(1) per ticket without a waiter at the head of the line, each of which is passed once.
    func cancel(_ ticket: Ticket, record: Int) -> Bool {
        let waiting = CellWord(ticket, .waiting, record: record)
        guard cell(ticket).swapAcquireRelease(waiting.bits, emptied(ticket).bits) else { return false }
        live.decrease(by: 1)
        trim()
        return true
    }

    /// Removes tickets without a waiter from the head of the line.
    func trim() {
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isEmpty { return }
            let head = word.head
            let cell = self.cell(head)
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket == head {
                if content.isWaiting { return }
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
