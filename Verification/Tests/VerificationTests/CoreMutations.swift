// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension Mutation {
    /// Bugs of the core, which the checker has to find.
    static let ofCore: [Mutation] = [
        Mutation(
            testDescription: "A waiter is woken, and the slot is made idle as well",
            file: "Core+Slots.swift",
            scenario: "two get",
            original:
                "if let record = dequeue() { return wake(record, slot.index) }\n                // No caller waits",
            mutant: """
                if let record = dequeue() {
                    _ = slot.state.compareExchange(state, SlotWord.idle)
                    return wake(record, slot.index)
                }
                // No caller waits
                """
        ),
        Mutation(
            testDescription: "A waiter does not examine the slots after it has got in line",
            file: "Core+Line.swift",
            scenario: "two get",
            original: "        examineSlots()\n",
            mutant: ""
        ),
        Mutation(
            testDescription: "A new caller does not load the queue first",
            file: "Core+FastPath.swift",
            scenario: "two get twice, so that the ring wraps",
            original:
                "guard QueueWord(bits: queue.loadAcquire()).admitsNewcomers else { return nil }\n        let hint",
            mutant: "_ = queue.loadAcquire()\n        let hint"
        ),
        Mutation(
            testDescription: "The queue is not loaded again after the mark is cleared",
            file: "Core+Slots.swift",
            scenario: "two get twice, so that the ring wraps",
            original: """
                !QueueWord(bits: queue.load()).isEmpty,
                                    slot.state.compareExchange(SlotWord.leased, SlotWord.contended)
                """,
            mutant: "false, slot.state.compareExchange(SlotWord.leased, SlotWord.contended)"
        ),
        Mutation(
            testDescription: "A cancellation that comes after the hand-over still takes effect",
            file: "Core+Line.swift",
            scenario: "a record comes back while two callers take the last records",
            original: "return cancel(ticket, record: index) ? Wakeup.cancelled : nil",
            mutant: "_ = cancel(ticket, record: index)\n        return Wakeup.cancelled"
        ),
        Mutation(
            testDescription: "An emptied cell is set to the wrong lap",
            file: "Core+Queue.swift",
            scenario: "two get twice, so that the ring wraps",
            original: "CellWord(ticket.advanced(by: UInt(shape.ring)), .empty)",
            mutant: "CellWord(ticket.advanced(by: 2 * UInt(shape.ring)), .empty)"
        ),
        Mutation(
            testDescription: "The lap of a cell is not checked",
            file: "Core+Queue.swift",
            scenario: "two of three are cancelled, a full ring",
            original: "if content.ticket == head {\n                // An empty cell",
            mutant: "if true {\n                // An empty cell"
        ),
        Mutation(
            testDescription: "The holder of an orphaned slot does not release its hold on the block",
            file: "Core+Slots.swift",
            scenario: "drop with chunks",
            original: "if state & SlotWord.orphaned != 0 { return releaseHold() }",
            mutant: "if state & SlotWord.orphaned != 0 { return }"
        ),
        Mutation(
            testDescription: "A waiter is served twice",
            file: "Core+Queue.swift",
            scenario: "a record comes back while two callers take the last records",
            original: """
                guard cell.compareExchangeAcquireRelease(content.bits, emptied(head).bits) else { continue }
                                advanceHead(past: head)
                                if content.isWaiting
                """,
            mutant: """
                _ = cell.compareExchangeAcquireRelease(content.bits, emptied(head).bits)
                                advanceHead(past: head)
                                if content.isWaiting
                """
        ),
        Mutation(
            testDescription: "A return touches the slot after it has published it",
            file: "Slot.swift",
            scenario: "drop with chunks",
            original:
                "ThreadHint.slot = index\n        return state.compareExchangeRelease(SlotWord.leased, SlotWord.idle)",
            mutant: """
                let isReturned = state.compareExchangeRelease(SlotWord.leased, SlotWord.idle)
                        ThreadHint.slot = index
                        return isReturned
                """
        ),
        Mutation(
            testDescription: "A retirement overwrites a concurrent change of the slot",
            file: "Core+Slots.swift",
            scenario: "callbacks in chunks, and the pool closes",
            original: "} else if slot.state.compareExchange(state, state | SlotWord.retired) {\n",
            mutant: "} else {\n                slot.state.storeRelaxed(state | SlotWord.retired)\n"
        ),
        Mutation(
            testDescription: "Growing overwrites a concurrent change of the slot",
            file: "Core+Slots.swift",
            scenario: "an element is replaced while the pool shrinks and grows",
            original: "} else if slot.state.compareExchange(state, state & ~SlotWord.retired) {\n",
            mutant: "} else {\n                slot.state.storeRelaxed(state & ~SlotWord.retired)\n"
        ),
        Mutation(
            testDescription: "A new waiter does not help another whose ticket is not in line yet",
            file: "Core+Queue.swift",
            scenario: "three get",
            original: "_ = queue.compareExchange(word.bits, word.longer.bits)",
            mutant: "_ = word"
        ),
        Mutation(
            testDescription: "The hold on the block is released before the last load of the queue",
            file: "Core+Slots.swift",
            scenario: "drop after a close",
            original: """
                counting: unit) {
                                examineForWaiters(slot)
                                return releaseHold()
                """,
            mutant: """
                counting: unit) {
                                releaseHold()
                                return examineForWaiters(slot)
                """
        ),
        Mutation(
            testDescription: "A slot that its holder created in is not marked",
            file: "Core+Slots.swift",
            scenario: "drop with a discarded element",
            original: "if slot.state.compareExchange(state, SlotWord.contended | state & ~SlotWord.phase) { return }",
            mutant: "if slot.state.compareExchange(state, SlotWord.leased | state & ~SlotWord.phase) { return }"
        ),
        Mutation(
            testDescription: "A vacancy is not reported",
            file: "Core+Slots.swift",
            scenario: "given up outside",
            original: "if hasVacancy { reportVacancy() }",
            mutant: "_ = hasVacancy"
        ),
        Mutation(
            testDescription: "A timed-out waiter is woken without being taken out of the line",
            file: "Core+Line.swift",
            scenario: "a deadline comes in a chunk",
            original: "if cancel(ticket, record: index) { wake(index, Wakeup.timedOut) }",
            mutant: "wake(index, Wakeup.timedOut)"
        ),
        Mutation(
            testDescription: "Memory that is not the block's own is freed",
            file: "Core+Lifetime.swift",
            scenario: "fixed, and ends",
            original: "unsafe heap?.free(base)",
            mutant: "_ = unsafe heap\n        unsafe Memory.heap.free(base)"
        ),
        Mutation(
            testDescription: "A chunk that another thread has made first is replaced in use",
            file: "Core+Chunks.swift",
            scenario: "three get and make each chunk",
            original:
                "if chunk.compareExchangeAcquireRelease(0, address) { return address }\n        unsafe heap.free(new)\n",
            mutant: "if chunk.compareExchangeAcquireRelease(0, address) { return address }\n        return address\n"
        ),
        Mutation(
            testDescription: "A chunk that another thread has made first is not freed",
            file: "Core+Chunks.swift",
            scenario: "three get and make each chunk",
            original: "unsafe heap.free(new)",
            mutant: ""
        ),
        Mutation(
            testDescription: "The chunks are not freed with the block",
            file: "Core+Lifetime.swift",
            scenario: "two get, in chunks",
            original: "        freeChunks()\n",
            mutant: ""
        ),
        Mutation(
            testDescription: "A new record is in use before its chunk is made",
            file: "Record.swift",
            scenario: "two get, in chunks",
            original: "            makeRecord(index)\n",
            mutant: ""
        ),
        Mutation(
            testDescription: "A new waiter does not make the chunk of its cell",
            file: "Core+Queue.swift",
            scenario: "two get, in chunks",
            original: "let cell = makeCell(ticket)",
            mutant: "let cell = self.cell(ticket)"
        ),
        Mutation(
            testDescription: "A caller is refused although a record has come back",
            file: "Record.swift",
            scenario: "a record comes back while two callers take the last records",
            original:
                "if FreeListWord(bits: freeRecords.loadAcquire()).first == nil { return nil }\n                continue",
            mutant: "return nil"
        ),
        Mutation(
            testDescription: "The tallies of an added segment are those of another",
            file: "Core+Segments.swift",
            scenario: "slots are added in two segments",
            original: "let offset = (index - firstSlot(of: number)) / TallyWord.group",
            mutant: "let offset = (index - firstSlot(of: number)) / TallyWord.group * 0"
        ),
        Mutation(
            testDescription: "A sweep skips the last record in use",
            file: "Core+Line.swift",
            scenario: "the deadline of the only waiter comes, in a chunk",
            original: "Int(usedRecords.load()))",
            mutant: "Int(usedRecords.load()) - 1)"
        ),
        Mutation(
            testDescription: "A new waiter takes the cell of an older waiter",
            file: "Core+Queue.swift",
            scenario: "two of three are cancelled, a full ring",
            original: "if content.isEmpty {\n                if cell",
            mutant: "if content.isEmpty || content.ticket != ticket {\n                if cell"
        ),
        Mutation(
            testDescription: "A skipped ticket stays at the head of the line",
            file: "Core+Queue.swift",
            scenario: "all are cancelled, also behind a ticket that is left out",
            original: "if content.isWaiting { return }",
            mutant: "if content.isWaiting || content.isEmpty { return }"
        ),
        Mutation(
            testDescription: "A cancelled waiter keeps its cell until the head passes it",
            file: "Core+Queue.swift",
            scenario: "two of three are cancelled, a full ring",
            original: "if word.length == QueueWord.lengthMask {",
            mutant: "if word.length == UInt(shape.ring) {"
        ),
        Mutation(
            testDescription: "A cancelled waiter still counts",
            file: "Core+Queue.swift",
            scenario: "a record comes back while two callers take the last records",
            original: "        live.decrease(by: 1)\n        trim()",
            mutant: "        trim()"
        ),
        Mutation(
            testDescription: "A slot is counted after its mark is cleared",
            file: "Core+Slots.swift",
            scenario: "two get twice, so that the ring wraps",
            original: """
                tally(of: slot).increase(by: unit)
                        if slot.state.compareExchange(state, next) { return true }
                        tally(of: slot).decrease(by: unit)
                        return false
                """,
            mutant: """
                if !slot.state.compareExchange(state, next) { return false }
                        tally(of: slot).increase(by: unit)
                        return true
                """
        ),
        Mutation(
            testDescription: "A slot stops counting before a waiter has marked it",
            file: "Core+Slots.swift",
            scenario: "two get twice, so that the ring wraps",
            original: """
                if slot.state.compareExchange(state, SlotWord.contended | state & SlotWord.retired) {
                                    tally(of: slot).decrease(by: TallyWord.open)
                                    return false
                                }
                """,
            mutant: """
                tally(of: slot).decrease(by: TallyWord.open)
                                if slot.state.compareExchange(state, SlotWord.contended | state & SlotWord.retired) { return false }
                                tally(of: slot).increase(by: TallyWord.open)
                """
        ),
        Mutation(
            testDescription: "The free list forgets to count",
            file: "Words.swift",
            scenario: "two of three are cancelled, a full ring",
            original: "FreeListWord(first: first, count: (bits >> (WordWidth.record + 1)) &+ 1)",
            mutant: "FreeListWord(first: first, count: 0)"
        ),
    ]
}
