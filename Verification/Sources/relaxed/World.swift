// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

nonisolated(unsafe) var world = World(Scenario(name: "", slots: "i", callers: []))

/// The element of checked pools, whose loss or double destruction is detected.
struct CheckedElement: ~Copyable {
    let number: Int

    init() { number = world.elementIsMade() }

    deinit { world.elementIsDestroyed(number) }
}

/// One pool, the actions of its callers, and the conditions that must hold at every instant and
/// at the end.
final class World {
    struct Caller {
        var wakeup: Int?
        var record = -1
        /// Whether its cancellation handler is installed.
        var isCancellable = false
        /// The number of threads inside its cancellation handler.
        var runningHandlers = 0
        var usesPool = true { didSet { if oldValue, !usesPool { Signal.reference.send() } } }
        /// The tickets that were in line when this caller first loaded the queue; `nil` before
        /// that load.
        var ahead: Set<UInt>?
        var isLooking = false
        /// The ticket of its callback, and the number of calls; `nil` before it has a ticket.
        var callback: (ticket: Ticket, record: Int)?
        var turns: Int?
        /// The least number of free records while it takes a record; `nil` while it does not.
        var leastFree: Int?
    }

    let scenario: Scenario
    private(set) var core: Core
    private var callers: [Caller]
    private var holders: [Int?]
    private var elements: Set<Int> = []
    private var elementsMade = 0

    init(_ scenario: Scenario) {
        self.scenario = scenario
        callers = Array(repeating: Caller(), count: scenario.callers.count)
        holders = Array(repeating: nil, count: scenario.slots.count + 3)
        Memory.reset()
        let shape = Core.Shape(
            count: scenario.slots.count,
            maximumWaiters: scenario.maximumWaiters,
            callersCreate: scenario.callersCreate,
            cellsPerWaiter: scenario.cellsPerWaiter,
            slotStride: Slot.stride(CheckedElement.self),
            slotAlignment: MemoryLayout<CheckedElement>.alignment,
            chunk: scenario.chunk,
            heap: scenario.isFixed ? nil : Memory.heap,
            destroyElement: { $0.element(CheckedElement.self).deinitialize(count: 1) },
            onVacancy: { _ in world.grow() }
        )
        if scenario.isFixed {
            let memory = Memory.lend(byteCount: shape.byteCount)
            core = Core(shape, in: memory, byteCount: shape.byteCount)
        } else {
            core = Core(allocating: shape, alignment: MemoryLayout<CheckedElement>.alignment)
        }
    }

    /// Fills the slots that are idle at first, and retires those that are retired at first.
    func prepare() {
        for (index, letter) in scenario.slots.enumerated() where letter != "v" {
            let slot = core.slot(index)
            let tally = core.tally(of: slot).address
            if letter == "i" {
                slot.element(CheckedElement.self).initialize(to: CheckedElement())
                slot.state.initialize(to: SlotWord.idle)
                tally.pointee &+= TallyWord.open &- TallyWord.vacant
            } else {
                slot.state.initialize(to: SlotWord.vacant | SlotWord.retired)
                tally.pointee &+= TallyWord.retired &- TallyWord.vacant
            }
        }
        if scenario.firstTicket > 0 {
            // As after so many waiters: the numbers are about to wrap around.
            core.queue.initialize(to: QueueWord(tail: Ticket(scenario.firstTicket), length: 0, isClosed: false).bits)
            for offset in 0..<UInt(core.shape.ring) {
                let ticket = Ticket(scenario.firstTicket &+ offset)
                core.cell(ticket).initialize(to: CellWord(ticket, .empty).bits)
            }
        }
    }

    var bodies: [() -> Void] {
        scenario.callers.indices.map { caller in
            { [unowned self] in
                for (number, operation) in scenario.callers[caller].enumerated() {
                    let isLast = number == scenario.callers[caller].count - 1
                    perform(operation, by: caller, isLast: isLast)
                }
                callers[caller].usesPool = false
            }
        }
    }

    // MARK: Actions of callers

    private func perform(_ operation: Operation, by caller: Int, isLast: Bool) {
        switch operation {
        case .get, .getWithDeadline, .getAndDiscard, .getAndFail, .getAndReplace:
            get(operation, by: caller, isLast: isLast)
        case .tryGet:
            beginLooking(caller)
            let slot = core.leaseIdleSlot(stride: core.shape.stride) ?? core.leaseIdleSlotBehindCancelled()
            endLooking(caller)
            if let slot { hold(slot, by: caller, isLast: isLast) }
        case .tryLease(let index):
            beginLooking(caller)
            let slot = core.leaseIfIdle(index)
            endLooking(caller)
            if let slot { hold(slot, by: caller, isLast: isLast) }
        case .getByCallback, .getByCallbackWithDeadline:
            beginLooking(caller)
            waitByCallback(caller, hasDeadline: operation == .getByCallbackWithDeadline)
            endLooking(caller)
        case .cancelCallback(let other):
            scheduler.wait(isOptional: true) { [unowned self] in callers[other].callback != nil }
            Signal.ticket.receive(other)
            let place = callers[other].callback!
            if core.cancel(place.ticket, record: place.record) { core.wake(place.record, Wakeup.cancelled) }
        case .cancel(let other):
            scheduler.wait(isOptional: true) { [unowned self] in callers[other].isCancellable }
            callers[other].runningHandlers += 1
            Signal.handler.receive(other)
            core.cancel(record: callers[other].record)
            Signal.handlerEnd.send(other)
            callers[other].runningHandlers -= 1
        case .sweep:
            _ = core.failWaiters(0..<core.shape.maximumWaiters, dueAt: 1)
        case .sweepEarly:
            _ = core.failWaiters(0..<core.shape.maximumWaiters, dueAt: 0)
        case .sweepWaiter(let other):
            scheduler.wait { [unowned self] in isInLine(other) }
            _ = core.failWaiters(0..<core.shape.maximumWaiters, dueAt: 1)
        case .count:
            if core.waiters > callers.count { scheduler.fail("more waiters are counted than there are callers") }
            if core.occupied > core.capacity { scheduler.fail("more slots are occupied than there are") }
        case .close:
            core.close()
        case .add:
            core.resize(to: core.shape.count + 1)
        case .addMore:
            core.resize(to: core.shape.count + 2)
        case .retire:
            core.resize(to: core.shape.count - 1)
        case .restore:
            core.resize(to: core.shape.count)
        case .fulfill:
            if let slot = core.reserveVacantSlot() { fulfill(slot) }
        case .abandon:
            if let slot = core.reserveVacantSlot() {
                claim(slot, by: caller)
                unclaim(slot)
                core.vacate(slot)
            }
        case .drop:
            callers[caller].usesPool = false
            scheduler.wait { [unowned self] in !callers.contains { $0.usesPool } && (!scenario.isFixed || isAtRest) }
            Signal.reference.receive()
            end()
        }
    }

    /// The end of the pool, and of its memory if that is its own.
    private func end() {
        core.drop()
        if scenario.isFixed { Memory.reclaim() }
    }

    /// Whether every slot has been returned, read without the scheduler. From then on a fixed
    /// pool may end, even if the thread that returned the last slot has not reached its next
    /// step.
    private var isAtRest: Bool {
        let areBack = (0..<scenario.slots.count).allSatisfy { index in
            let phase = core.slot(index).state.address.pointee & SlotWord.phase
            return phase == SlotWord.idle || phase == SlotWord.vacant
        }
        return areBack && core.holds.address.pointee == 1
    }

    private func get(_ operation: Operation, by caller: Int, isLast: Bool) {
        beginLooking(caller)
        var slot = core.leaseIdleSlot(stride: core.shape.stride)
        if slot == nil, scenario.callersCreate { slot = core.reserveForNewcomer() }
        if let slot { checkOrder(caller, slot) }
        slot = slot ?? waitInLine(caller, hasDeadline: operation == .getWithDeadline)
        endLooking(caller)
        guard let slot else { return }
        if scenario.callersCreate, core.isReserved(slot) {
            claim(slot, by: caller)
            scheduler.pause()
            unclaim(slot)
            if operation == .getAndFail { return core.vacate(slot) }
            slot.element(CheckedElement.self).initialize(to: CheckedElement())
            core.leaseReserved(slot)
        }
        guard operation == .getAndDiscard || operation == .getAndReplace else {
            return hold(slot, by: caller, isLast: isLast)
        }
        claim(slot, by: caller)
        if isLast { callers[caller].usesPool = false }
        scheduler.pause()
        unclaim(slot)
        let lease = LockGuard<CheckedElement>(slot: slot)
        if operation == .getAndDiscard { return lease.discard() }
        lease.takeReserving { element, reservation in
            _ = consume element
            scheduler.pause()
            reservation.fulfill(CheckedElement())
        }
    }

    /// As `Core.wait`, with a fiber in place of the task.
    private func waitInLine(_ caller: Int, hasDeadline: Bool) -> Slot? {
        guard let record = takeRecord(caller) else { return nil }
        callers[caller].record = record
        callers[caller].wakeup = nil
        callers[caller].isCancellable = true
        Signal.handler.send(caller)
        let waker = Waker(
            function: { context, wakeup in world.wake(Int(bitPattern: context) - 1, wakeup) },
            context: UnsafeMutableRawPointer(bitPattern: caller + 1)!
        )
        if let refusal = core.enqueue(record, waker: waker, deadline: hasDeadline ? 1 : nil) {
            if refusal == Wakeup.refused { scheduler.fail("caller \(caller) is refused below the bound") }
            wake(caller, refusal)
        }
        scheduler.wait { [unowned self] in callers[caller].wakeup != nil }
        Signal.wakeup.receive(caller)
        callers[caller].isCancellable = false
        scheduler.wait { [unowned self] in callers[caller].runningHandlers == 0 }
        Signal.handlerEnd.receive(caller)
        core.releaseRecord(record)
        let wakeup = callers[caller].wakeup!
        return wakeup < 0 ? nil : core.slot(wakeup)
    }

    /// Whether a caller has noted its ticket, read past the scheduler.
    private func isInLine(_ caller: Int) -> Bool {
        guard callers[caller].record >= 0 else { return false }
        Memory.isPeeking = true
        defer { Memory.isPeeking = false }
        return Record.Progress.ticket(core.record(callers[caller].record).progress.address.pointee) != nil
    }

    /// Takes a record. A caller is refused only if all records were in use at one instant.
    private func takeRecord(_ caller: Int) -> Int? {
        callers[caller].leastFree = scenario.countsRecords && Memory.tellsChanges ? freeRecords : 0
        defer { callers[caller].leastFree = nil }
        if let record = core.takeRecord() { return record }
        if callers[caller].leastFree! > 0 { scheduler.fail("caller \(caller) is refused while a record is free") }
        return nil
    }

    /// The number of records that are not in use, read past the scheduler.
    private var freeRecords: Int {
        Memory.isPeeking = true
        defer { Memory.isPeeking = false }
        var count = scenario.maximumWaiters - Int(core.usedRecords.address.pointee)
        var next = FreeListWord(bits: core.freeRecords.address.pointee).first
        while let index = next {
            count += 1
            let link = core.record(index).next.address.pointee
            next = link == 0 ? nil : Int(link) - 1
        }
        return count
    }

    /// Called after each successful exchange.
    func noteChange() {
        guard scenario.countsRecords, callers.contains(where: { $0.leastFree != nil }) else { return }
        let free = freeRecords
        for caller in callers.indices {
            if let least = callers[caller].leastFree { callers[caller].leastFree = min(least, free) }
        }
    }

    /// As `Core.wait(context:onTurn:)`.
    private func waitByCallback(_ caller: Int, hasDeadline: Bool) {
        guard let record = core.takeRecord() else { return }
        if hasDeadline { core.record(record).deadline.storeRelaxed(1) }
        callers[caller].turns = 0
        let waker = Waker(
            function: { context, wakeup in world.turn(Int(bitPattern: context) - 1, wakeup) },
            context: UnsafeMutableRawPointer(bitPattern: caller + 1)!,
            releasesRecord: true
        )
        switch core.enqueue(record, waker: waker) {
        case .queued(let ticket):
            callers[caller].callback = (ticket, record)
            Signal.ticket.send(caller)
            core.examineSlots()
            core.finishRecord(record, Record.Progress.queued(ticket))
        case .refused:
            core.releaseRecord(record)
            callers[caller].turns = nil
        }
    }

    /// A callback's turn, on the fiber that causes it.
    private func turn(_ caller: Int, _ wakeup: Int) {
        callers[caller].turns! += 1
        if callers[caller].turns! > 1 { scheduler.fail("the callback of caller \(caller) is called twice") }
        checkTimeout(caller, wakeup, of: .getByCallbackWithDeadline)
        guard wakeup >= 0 else { return }
        let slot = core.slot(wakeup)
        checkOrder(caller, slot)
        claim(slot, by: caller)
        scheduler.pause()
        unclaim(slot)
        LockGuard<CheckedElement>(slot: slot).release()
    }

    private func wake(_ caller: Int, _ wakeup: Int) {
        if callers[caller].wakeup != nil { scheduler.fail("caller \(caller) is woken twice") }
        if !callers[caller].isCancellable { scheduler.fail("caller \(caller) is woken and does not wait") }
        checkTimeout(caller, wakeup, of: .getWithDeadline)
        callers[caller].wakeup = wakeup
        Signal.wakeup.send(caller)
        if wakeup >= 0 { checkOrder(caller, core.slot(wakeup)) }
    }

    /// A waiter without a deadline does not time out.
    private func checkTimeout(_ caller: Int, _ wakeup: Int, of operation: Operation) {
        if wakeup == Wakeup.timedOut, !scenario.callers[caller].contains(operation) {
            scheduler.fail("caller \(caller) times out and has no deadline")
        }
    }

    private func hold(_ slot: Slot, by caller: Int, isLast: Bool) {
        claim(slot, by: caller)
        _ = slot.element(CheckedElement.self).pointee.number
        // From here on this caller has a guard and no reference to the pool.
        if isLast { callers[caller].usesPool = false }
        scheduler.pause()
        unclaim(slot)
        LockGuard<CheckedElement>(slot: slot).release()
    }

    /// In a pool that is filled from outside, another caller fills a slot when there is a vacancy
    /// and a waiter.
    private func grow() {
        while !QueueWord(bits: core.queue.load()).isEmpty, let slot = core.reserveVacantSlot() { fulfill(slot) }
    }

    private func fulfill(_ slot: Slot) {
        claim(slot, by: scheduler.caller)
        scheduler.pause()
        unclaim(slot)
        Reservation<CheckedElement>(slot: slot).fulfill(CheckedElement())
    }

    // MARK: Conditions at every instant

    private func claim(_ slot: Slot, by caller: Int) {
        let index = slot.index
        checkWaiterCount()
        if let holder = holders[index] { scheduler.fail("slot \(index) is held by callers \(holder) and \(caller)") }
        holders[index] = caller
    }

    private func unclaim(_ slot: Slot) { holders[slot.index] = nil }

    private func beginLooking(_ caller: Int) {
        callers[caller].isLooking = true
        callers[caller].ahead = nil
    }

    private func endLooking(_ caller: Int) { callers[caller].isLooking = false }

    /// The first load of the queue by a caller: all waiters in line then are ahead of it.
    func noteLoad(of address: UnsafeMutablePointer<UInt>) {
        if UnsafeMutableRawPointer(address) == core.base { checkTallies() }
        let caller = scheduler.caller
        guard caller >= 0, callers[caller].isLooking, callers[caller].ahead == nil else { return }
        guard UnsafeMutableRawPointer(address) == core.base else { return }
        callers[caller].ahead = ticketsInLine()
    }

    /// No waiter that was ahead of a served caller is still in line.
    private func checkOrder(_ caller: Int, _ slot: Slot) {
        if let ahead = callers[caller].ahead, !ahead.isDisjoint(with: ticketsInLine()) {
            scheduler.fail("caller \(caller) is served before one that was in line when it came")
        }
        callers[caller].ahead = []
    }

    /// The tickets of live waiters, read without the scheduler.
    private func ticketsInLine() -> Set<UInt> {
        let isPeeking = Memory.isPeeking
        Memory.isPeeking = true
        defer { Memory.isPeeking = isPeeking }
        let word = QueueWord(bits: core.queue.address.pointee)
        var tickets: Set<UInt> = []
        for offset in 0..<word.length {
            let ticket = word.head.advanced(by: offset)
            let cell = CellWord(bits: core.cell(ticket).address.pointee)
            if cell.ticket == ticket, cell.isWaiting { tickets.insert(ticket.number) }
        }
        return tickets
    }

    /// The pool counts each live waiter, with a tolerance of one for each caller.
    private func checkWaiterCount() {
        let (counted, live) = (Int(bitPattern: core.live.address.pointee), ticketsInLine().count)
        if abs(counted - live) > callers.count {
            scheduler.fail("\(counted) waiters are counted, and \(live) wait")
        }
    }

    /// No tally is below the true number.
    private func checkTallies() {
        Memory.isPeeking = true
        defer { Memory.isPeeking = false }
        for (group, truth) in trueTallies.enumerated() {
            let (counts, truth) = (TallyWord(bits: core.tally(group).address.pointee), TallyWord(bits: truth))
            if counts.open < truth.open || counts.vacant < truth.vacant || counts.retired < truth.retired {
                scheduler.fail("a tally is below the truth")
            }
        }
    }

    /// The required tallies at rest, one for each group of slots.
    private var trueTallies: [UInt] {
        (0..<core.groups).map { group in
            core.slots(in: group).reduce(0) { sum, index in
                switch core.slot(index).state.address.pointee {
                case SlotWord.vacant: sum + TallyWord.vacant
                case SlotWord.vacant | SlotWord.retired: sum + TallyWord.retired
                case SlotWord.idle, SlotWord.leased, SlotWord.leased | SlotWord.retired: sum + TallyWord.open
                default: sum
                }
            }
        }
    }

    func elementIsMade() -> Int {
        elementsMade += 1
        elements.insert(elementsMade)
        return elementsMade
    }

    func elementIsDestroyed(_ number: Int) {
        if elements.remove(number) == nil { scheduler.fail("an element is destroyed twice") }
    }

    func checkFreed() {
        if !elements.isEmpty { scheduler.fail("the block is freed with an element in it") }
        if holders.contains(where: { $0 != nil }) { scheduler.fail("the block is freed under a holder") }
    }

    // MARK: Conditions at the end

    /// - Returns: The violated condition at rest; `nil` if there is none.
    func problemAtRest() -> String? {
        if scenario.callers.joined().contains(.drop) {
            return Memory.isAlive ? "the block is never freed" : nil
        }
        let word = QueueWord(bits: core.queue.load())
        if !ticketsInLine().isEmpty { return "a waiter is left in line" }
        if !word.isEmpty { return "tickets are left in line" }
        if core.waiters != 0 { return "\(core.waiters) waiters are counted, and none waits" }
        if trueTallies != (0..<core.groups).map({ core.tally($0).address.pointee }) { return "a tally is wrong" }
        if callers.contains(where: { $0.turns == 0 }) { return "a callback is never called" }
        var idle = 0
        for index in 0..<core.capacity {
            let state = core.slot(index).state.load()
            switch state & SlotWord.phase {
            case SlotWord.idle: idle += 1
            case SlotWord.vacant: break
            default: return "slot \(index) is left in state \(state)"
            }
            if word.isClosed, state != SlotWord.vacant | SlotWord.retired {
                return "slot \(index) is open after the close"
            }
        }
        if idle != elements.count { return "\(elements.count) elements in \(idle) idle slots" }
        var records = 0
        while core.takeRecord() != nil { records += 1 }
        if records != scenario.maximumWaiters { return "\(scenario.maximumWaiters - records) records are lost" }
        end()
        return Memory.isAlive ? "the block is not freed by the drop" : nil
    }
}
