// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The waiter queue: strictly first-in, first-out, bounded, cancellable in O(1), lock-free. It
// allocates only the cells that no waiter has needed before.
//
// Cancelling first at the cell and handing over at the cell is the idea of CQS (Koval,
// Khalanskiy, Alistarh: "CQS: A Formally-Verified Framework for Fair and Abortable
// Synchronization", PLDI 2023). Helping at the tail is due to Michael and Scott (PODC 1996). A
// ticket's cell changes from empty to waiting once, and from waiting to empty-for-the-next-lap
// once. The thread that makes the last change alone decides the outcome of the waiter.
//
// The line may be longer than the ring. A waiter that leaves before its turn empties its cell at
// once, so only live waiters, of which there are fewer than cells, occupy the ring. If an older
// waiter occupies the cell of a new waiter's ticket, the new waiter skips that ticket: it moves
// the tail past the ticket and takes the next one. The head passes a ticket when its cell serves
// a later ticket. If the ticket was skipped, the head first makes the cell serve a later one.

extension Core {
    /// The outcome of an attempt to get in line.
    enum Enqueueing {
        case queued(Ticket)
        case refused(Int)
    }

    /// Puts a waiter in line. The caller must then call `examineSlots()`, or else a slot may stay
    /// idle while the waiter waits.
    ///
    /// - Complexity: Amortized O(1) without contention; lock-free.
    func enqueue(record: Int) -> Enqueueing {
        let enqueueing = fillCell(record)
        // The waiter is counted after it is in line: a thread that waits for a number of waiters
        // finds that many in line. A thread that serves the waiter may take it out, and count it
        // as out, before that.
        if case .queued = enqueueing { live.increase(by: 1) }
        return enqueueing
    }

    private func fillCell(_ record: Int) -> Enqueueing {
        var hasTrimmed = false
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isClosed { return .refused(Wakeup.closed) }
            if word.length == QueueWord.lengthMask {
                // The line has its maximum length. Tickets without a waiter can be removed from
                // its head.
                if hasTrimmed { return .refused(Wakeup.refused) }
                trim()
                hasTrimmed = true
                continue
            }
            let ticket = word.tail
            let cell = makeCell(ticket)
            // Acquire: an occupied cell was filled by another new waiter, which this thread
            // helps.
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket.isAfter(ticket) { continue }  // `word` was stale
            // Release: a thread that reads the record through this cell finds it written. An
            // empty cell may still serve a skipped ticket of an earlier lap.
            if content.isEmpty {
                if cell.compareExchangeAcquireRelease(content.bits, CellWord(ticket, .waiting, record: record).bits) {
                    return publish(ticket) ? .queued(ticket) : .refused(Wakeup.closed)
                }
            } else {
                // Helps the waiter with this ticket, or skips the ticket because an older waiter
                // occupies the cell.
                _ = queue.compareExchange(word.bits, word.longer.bits)
            }
        }
    }

    /// Moves the tail past `ticket`, whose cell is filled. Another thread may have done so
    /// already.
    ///
    /// - Returns: `false` if the queue was closed before.
    private func publish(_ ticket: Ticket) -> Bool {
        while true {
            // Sequentially consistent, even if it only shows that a helper was faster: this
            // thread's later loads of the slots must not be older than its position in line.
            let word = QueueWord(bits: queue.load())
            if word.tail != ticket { return true }
            if word.isClosed { return false }
            if queue.compareExchange(word.bits, word.longer.bits) { return true }
        }
    }

    /// Takes the oldest live waiter out of the line.
    ///
    /// - Returns: The waiter's record, which the caller must wake by `wake(_:_:)`; `nil` if no
    ///   caller waits.
    /// - Complexity: O(1), and O(1) for each ticket without a waiter before it, each of which is
    ///   passed once; lock-free.
    func dequeue() -> Int? {
        while true {
            // Sequentially consistent: pairs with the preceding exchange of a slot's state (see
            // `settle`).
            let word = QueueWord(bits: queue.load())
            if word.isEmpty { return nil }
            let head = word.head
            let cell = self.cell(head)
            // Acquire: the record must be seen as its owner wrote it.
            let content = CellWord(bits: cell.loadAcquire())
            if content.ticket == head {
                // An empty cell means that the ticket was skipped. A new waiter that has not seen
                // that may still fill the cell.
                guard cell.compareExchangeAcquireRelease(content.bits, emptied(head).bits) else { continue }
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

    /// Takes a waiter out of the line.
    ///
    /// - Returns: Whether the waiter was still in line. If so, the caller must wake it. Otherwise
    ///   it has been or is about to be served, or has left the line already.
    /// - Complexity: O(1), and O(1) for each ticket without a waiter at the head of the line,
    ///   each of which is passed once.
    func cancel(_ ticket: Ticket, record: Int) -> Bool {
        let waiting = CellWord(ticket, .waiting, record: record)
        guard cell(ticket).compareExchangeAcquireRelease(waiting.bits, emptied(ticket).bits) else { return false }
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
                guard cell.compareExchangeAcquireRelease(content.bits, emptied(head).bits) else { continue }
            }
            advanceHead(past: head)
        }
    }

    /// Closes the queue to further waiters.
    ///
    /// - Returns: `false` if it was closed before.
    func closeQueue() -> Bool {
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isClosed { return false }
            if queue.compareExchange(word.bits, word.closed.bits) { return true }
        }
    }

    /// Wakes a waiter that the caller has taken out of the line. Does not access the waiter
    /// afterwards.
    func wake(_ record: Int, _ wakeup: Int) {
        let waker = self.record(record).waker
        if waker.releasesRecord { finishRecord(record, Record.Progress.finished) }
        waker.wake(wakeup)
    }

    private func emptied(_ ticket: Ticket) -> CellWord {
        CellWord(ticket.advanced(by: UInt(shape.ring)), .empty)
    }

    private func advanceHead(past ticket: Ticket) {
        while true {
            let word = QueueWord(bits: queue.load())
            if word.isEmpty || word.head != ticket { return }
            if queue.compareExchange(word.bits, word.shorter.bits) { return }
        }
    }
}
