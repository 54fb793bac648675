// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// The actions of a caller.
enum Operation: Equatable {
    /// Get, hold, return.
    case get
    /// The same with a deadline, which `sweep` finds to have passed.
    case getWithDeadline
    /// Get, and discard the element.
    case getAndDiscard
    /// Get, and fail to create an element if the slot is reserved.
    case getAndFail
    /// Get, and replace the element: its slot is reserved in the meantime.
    case getAndReplace
    case tryGet
    /// Lease the slot with this index, if it is idle.
    case tryLease(Int)
    /// Get in line as a callback, which holds and returns in its function.
    case getByCallback
    /// The same with a deadline, which `sweep` finds to have passed.
    case getByCallbackWithDeadline
    /// Cancel another caller's callback, once it is in line.
    case cancelCallback(Int)
    /// Cancel another caller's wait, at any point of it.
    case cancel(Int)
    /// Fail the waiters whose deadline has passed.
    case sweep
    /// The same at an instant before every deadline.
    case sweepEarly
    /// Wait until another caller is in line, and then fail those whose deadline has come.
    case sweepWaiter(Int)
    /// Read the number of waiters and of occupied slots.
    case count
    case close
    /// Retire the last slot, or restore it.
    case retire, restore
    /// Add one slot to those of the block.
    case add
    /// Have two slots more than the block itself: the second one is in another segment.
    case addMore
    /// Reserve a vacant slot and fill it, or abandon it.
    case fulfill, abandon
    /// Drop the last reference to the pool.
    case drop
}

/// A pool and its callers.
struct Scenario {
    let name: String
    /// A letter for each slot: `i` for idle, `v` for vacant, `r` for retired.
    let slots: String
    var callersCreate = false
    /// Whether the block is in memory that ends with the pool.
    var isFixed = false
    var maximumWaiters = 4
    var cellsPerWaiter = 1
    /// The number of cells in a chunk; 0 if the block contains all records and cells.
    var chunk = 0
    /// Whether each refusal is checked against the number of free records.
    var countsRecords = false
    /// The first ticket.
    var firstTicket: UInt = 0
    /// The largest number of preemptions of the exhaustive exploration.
    var preemptions = 3
    let callers: [[Operation]]

    static let all: [Scenario] = [
        Scenario(name: "two get", slots: "i", preemptions: 5, callers: [[.get], [.get]]),
        Scenario(
            name: "two get twice, so that the ring wraps",
            slots: "i",
            maximumWaiters: 2,
            preemptions: 4,
            callers: [[.get, .get], [.get, .get]]
        ),
        Scenario(
            name: "two get, on a ring of two, as numbers wrap",
            slots: "i",
            maximumWaiters: 2,
            firstTicket: Ticket.mask,
            preemptions: 4,
            callers: [[.get, .get], [.get, .get]]
        ),
        Scenario(name: "three get", slots: "i", callers: [[.get], [.get], [.get]]),
        Scenario(name: "two get, in chunks", slots: "i", chunk: 2, preemptions: 4, callers: [[.get], [.get]]),
        Scenario(
            name: "three get and make each chunk",
            slots: "i",
            chunk: 1,
            preemptions: 2,
            callers: [[.get], [.get], [.get]]
        ),
        Scenario(
            name: "past the bound, in chunks",
            slots: "r",
            maximumWaiters: 1,
            chunk: 1,
            preemptions: 3,
            callers: [[.get], [.get], [.close]]
        ),
        Scenario(
            name: "a record comes back while two callers take the last records",
            slots: "r",
            maximumWaiters: 2,
            chunk: 1,
            countsRecords: true,
            preemptions: 2,
            callers: [[.get], [.get], [.get], [.cancel(0)], [.close]]
        ),
        Scenario(
            name: "a deadline comes in a chunk",
            slots: "i",
            chunk: 1,
            preemptions: 3,
            callers: [[.get], [.getWithDeadline], [.sweep]]
        ),
        Scenario(
            name: "the deadline of the only waiter comes, in a chunk",
            slots: "r",
            chunk: 1,
            preemptions: 3,
            callers: [[.getWithDeadline], [.sweepWaiter(0)]]
        ),
        Scenario(
            name: "one is cancelled in a chunk",
            slots: "i",
            chunk: 1,
            preemptions: 3,
            callers: [[.get], [.get], [.cancel(1)]]
        ),
        Scenario(
            name: "two get twice, so that the ring of chunks wraps",
            slots: "i",
            maximumWaiters: 2,
            chunk: 1,
            preemptions: 2,
            callers: [[.get, .get], [.get, .get]]
        ),
        Scenario(
            name: "callbacks in chunks, and the pool closes",
            slots: "i",
            chunk: 1,
            preemptions: 2,
            callers: [[.get], [.getByCallback], [.close]]
        ),
        Scenario(name: "drop with chunks", slots: "i", chunk: 1, preemptions: 3, callers: [[.get], [.get], [.drop]]),
        Scenario(name: "three get two slots", slots: "ii", callers: [[.get], [.get], [.get]]),
        Scenario(name: "three get, a ring of two", slots: "i", maximumWaiters: 2, callers: [[.get], [.get], [.get]]),
        Scenario(name: "two get, an outsider tries", slots: "i", callers: [[.get], [.get], [.tryGet]]),
        Scenario(
            name: "two get, an outsider tries twice",
            slots: "i",
            preemptions: 3,
            callers: [[.get], [.get], [.tryGet, .tryGet]]
        ),
        Scenario(name: "past the bound", slots: "i", maximumWaiters: 1, callers: [[.get], [.get], [.get]]),
        Scenario(
            name: "no caller may wait",
            slots: "i",
            maximumWaiters: 0,
            preemptions: 4,
            callers: [[.get], [.get], [.tryGet]]
        ),
        Scenario(name: "one is cancelled", slots: "i", preemptions: 4, callers: [[.get], [.get], [.cancel(1)]]),
        Scenario(name: "both are cancelled", slots: "i", callers: [[.get], [.get], [.cancel(1), .cancel(0)]]),
        Scenario(
            name: "one of three is cancelled",
            slots: "i",
            preemptions: 2,
            callers: [[.get], [.get], [.get], [.cancel(1)]]
        ),
        Scenario(
            name: "two of three are cancelled, a full ring",
            slots: "i",
            maximumWaiters: 2,
            preemptions: 2,
            callers: [[.get], [.get, .get], [.get], [.cancel(1), .cancel(2), .cancel(1)]]
        ),
        Scenario(
            name: "more are cancelled behind a live waiter than the ring has cells",
            slots: "i",
            maximumWaiters: 2,
            preemptions: 1,
            callers: [
                [.get], [.get], [.get, .get, .get, .get], [.cancel(2), .cancel(2), .cancel(2), .cancel(2)],
            ]
        ),
        Scenario(
            name: "a ticket is left out, and numbers wrap",
            slots: "i",
            maximumWaiters: 2,
            firstTicket: Ticket.mask &- 1,
            preemptions: 2,
            callers: [[.get], [.get, .get], [.get, .get], [.cancel(2)]]
        ),
        Scenario(
            name: "a ticket is left out, and the waiter before it is cancelled",
            slots: "i",
            maximumWaiters: 2,
            preemptions: 2,
            callers: [[.get], [.get], [.get, .get], [.cancel(2), .cancel(1)]]
        ),
        Scenario(
            name: "all are cancelled, also behind a ticket that is left out",
            slots: "r",
            maximumWaiters: 2,
            preemptions: 0,
            callers: [[.get], [.get], [.get], [.cancel(0)], [.cancel(1)], [.cancel(2)]]
        ),
        Scenario(
            name: "a ticket is left out while the pool closes",
            slots: "i",
            maximumWaiters: 2,
            preemptions: 2,
            callers: [[.get], [.get], [.get, .get], [.cancel(2), .close]]
        ),
        Scenario(
            name: "cancelled, and two slots",
            slots: "ii",
            preemptions: 2,
            callers: [[.get], [.get], [.get], [.cancel(2)]]
        ),
        Scenario(
            name: "cancelled, and an outsider tries",
            slots: "i",
            preemptions: 2,
            callers: [[.get], [.get], [.cancel(1)], [.tryGet]]
        ),
        Scenario(
            name: "a deadline comes",
            slots: "i",
            preemptions: 4,
            callers: [[.get], [.getWithDeadline], [.sweep]]
        ),
        Scenario(
            name: "a deadline and a cancellation",
            slots: "i",
            preemptions: 2,
            callers: [[.get], [.getWithDeadline, .get], [.sweep], [.cancel(1)]]
        ),
        Scenario(
            name: "no deadline has come",
            slots: "i",
            preemptions: 4,
            callers: [[.get], [.getWithDeadline], [.sweepEarly]]
        ),
        Scenario(
            name: "a record that had a deadline before",
            slots: "i",
            maximumWaiters: 1,
            callers: [[.getByCallbackWithDeadline, .get], [.get], [.sweep]]
        ),
        Scenario(
            name: "two get, and an outsider leases a slot by its number",
            slots: "i",
            callers: [[.get], [.get], [.tryLease(0)]]
        ),
        Scenario(name: "close", slots: "i", preemptions: 4, callers: [[.get], [.get], [.close]]),
        Scenario(name: "close two slots", slots: "ii", callers: [[.get], [.get], [.close]]),
        Scenario(name: "two close", slots: "i", callers: [[.get], [.close], [.close]]),
        Scenario(
            name: "close and cancel",
            slots: "i",
            preemptions: 2,
            callers: [[.get], [.get], [.close], [.cancel(1)]]
        ),
        Scenario(name: "drop", slots: "i", preemptions: 5, callers: [[.get], [.get], [.drop]]),
        Scenario(name: "drop two slots", slots: "ii", preemptions: 4, callers: [[.get], [.get], [.drop]]),
        Scenario(name: "drop after a close", slots: "i", callers: [[.get], [.get, .close], [.drop]]),
        Scenario(
            name: "drop with a discarded element",
            slots: "i",
            callersCreate: true,
            preemptions: 5,
            callers: [[.getAndDiscard], [.get], [.drop]]
        ),
        Scenario(name: "callers create", slots: "v", callersCreate: true, preemptions: 5, callers: [[.get], [.get]]),
        Scenario(
            name: "three callers create in two slots",
            slots: "vi",
            callersCreate: true,
            callers: [[.get], [.get], [.get]]
        ),
        Scenario(
            name: "a creation fails",
            slots: "v",
            callersCreate: true,
            preemptions: 4,
            callers: [[.getAndFail], [.get]]
        ),
        Scenario(
            name: "two creations fail",
            slots: "v",
            callersCreate: true,
            callers: [[.getAndFail], [.getAndFail], [.get]]
        ),
        Scenario(
            name: "a creation fails, its successor is cancelled",
            slots: "v",
            callersCreate: true,
            preemptions: 2,
            callers: [[.getAndFail], [.get], [.get], [.cancel(1)]]
        ),
        Scenario(
            name: "an element is discarded",
            slots: "i",
            callersCreate: true,
            callers: [[.getAndDiscard], [.get], [.get]]
        ),
        Scenario(
            name: "a creation fails while the pool closes",
            slots: "v",
            callersCreate: true,
            callers: [[.getAndFail], [.get], [.close]]
        ),
        Scenario(name: "filled from outside", slots: "v", callers: [[.get], [.get], [.fulfill]]),
        Scenario(
            name: "filled from outside, two slots",
            slots: "vv",
            preemptions: 2,
            callers: [[.get], [.get], [.fulfill]]
        ),
        Scenario(name: "given up outside", slots: "v", callers: [[.get], [.abandon], [.fulfill]]),
        Scenario(name: "discarded, and filled from outside", slots: "i", callers: [[.getAndDiscard], [.get], [.get]]),
        Scenario(
            name: "filled from outside while the pool closes",
            slots: "v",
            callers: [[.get], [.fulfill], [.close]]
        ),
        Scenario(
            name: "filled from outside and dropped",
            slots: "v",
            preemptions: 5,
            callers: [[.fulfill], [.tryGet], [.drop]]
        ),
        Scenario(name: "an element is replaced", slots: "i", callers: [[.getAndReplace], [.get], [.get]]),
        Scenario(
            name: "an element is replaced while the pool shrinks and grows",
            slots: "i",
            callers: [[.getAndReplace], [.retire, .restore], [.get]]
        ),
        Scenario(
            name: "an element is replaced, and the pool dropped",
            slots: "i",
            preemptions: 4,
            callers: [[.getAndReplace], [.tryGet], [.drop]]
        ),
        Scenario(
            name: "waiters and occupied slots are counted",
            slots: "iv",
            callers: [[.getAndDiscard], [.get], [.count, .count]]
        ),
        Scenario(name: "shrink", slots: "ii", callers: [[.get], [.get], [.retire]]),
        Scenario(
            name: "shrink and grow where callers create",
            slots: "i",
            callersCreate: true,
            preemptions: 4,
            callers: [[.get], [.retire, .restore], [.get]]
        ),
        Scenario(
            name: "shrink against grow",
            slots: "i",
            callersCreate: true,
            preemptions: 4,
            callers: [[.get], [.retire, .restore], [.restore]]
        ),
        Scenario(
            name: "shrink and grow, filled from outside",
            slots: "i",
            callers: [[.get], [.retire, .restore], [.get]]
        ),
        Scenario(
            name: "a slot is added, filled from outside",
            slots: "i",
            preemptions: 2,
            callers: [[.get], [.get], [.add]]
        ),
        Scenario(
            name: "a slot is added where callers create",
            slots: "i",
            callersCreate: true,
            preemptions: 2,
            callers: [[.get], [.get], [.add]]
        ),
        Scenario(name: "a slot is added while the pool closes", slots: "i", callers: [[.get], [.add], [.close]]),
        Scenario(
            name: "a slot is added twice at once",
            slots: "v",
            callersCreate: true,
            preemptions: 2,
            callers: [[.get], [.add], [.add]]
        ),
        Scenario(
            name: "a slot is added, and goes again",
            slots: "i",
            callersCreate: true,
            preemptions: 2,
            callers: [[.get], [.add, .restore], [.get]]
        ),
        Scenario(
            name: "a slot is added, and the pool dropped",
            slots: "i",
            callersCreate: true,
            preemptions: 2,
            callers: [[.get, .add], [.get], [.drop]]
        ),
        Scenario(
            name: "a slot is added where none is in use",
            slots: "r",
            callersCreate: true,
            preemptions: 3,
            callers: [[.get], [.add]]
        ),
        Scenario(
            name: "slots are added in two segments",
            slots: "v",
            callersCreate: true,
            preemptions: 2,
            callers: [[.get], [.get], [.addMore]]
        ),
        Scenario(name: "shrink and close", slots: "ii", callers: [[.get], [.retire, .restore], [.close]]),
        Scenario(
            name: "a task and a callback",
            slots: "i",
            preemptions: 4,
            callers: [[.get], [.getByCallback]]
        ),
        Scenario(
            name: "two callbacks on one record",
            slots: "i",
            maximumWaiters: 1,
            callers: [[.get], [.getByCallback], [.getByCallback]]
        ),
        Scenario(
            name: "a callback is cancelled",
            slots: "i",
            maximumWaiters: 2,
            preemptions: 2,
            callers: [[.get], [.getByCallback], [.get], [.cancelCallback(1)]]
        ),
        Scenario(
            name: "the deadline of a callback comes",
            slots: "i",
            callers: [[.get], [.getByCallbackWithDeadline], [.sweep]]
        ),
        Scenario(
            name: "the deadline of a callback comes, whose record is another's by then",
            slots: "i",
            maximumWaiters: 1,
            callers: [[.getByCallbackWithDeadline], [.getByCallback], [.sweep]]
        ),
        Scenario(
            name: "callbacks, and the pool closes",
            slots: "i",
            callers: [[.get], [.getByCallback], [.close]]
        ),
        Scenario(
            name: "fixed, and ends",
            slots: "i",
            isFixed: true,
            preemptions: 4,
            callers: [[.get], [.get], [.drop]]
        ),
        Scenario(
            name: "fixed, two slots, and ends",
            slots: "ii",
            isFixed: true,
            callers: [[.get], [.get], [.drop]]
        ),
        Scenario(
            name: "fixed, an element is discarded, and ends",
            slots: "i",
            isFixed: true,
            preemptions: 4,
            callers: [[.getAndDiscard], [.tryGet], [.drop]]
        ),
        Scenario(
            name: "fixed, filled from outside, and ends",
            slots: "v",
            isFixed: true,
            preemptions: 4,
            callers: [[.fulfill], [.tryGet], [.drop]]
        ),
        Scenario(
            name: "fixed, a callback is cancelled, and ends",
            slots: "i",
            isFixed: true,
            preemptions: 2,
            callers: [[.get], [.getByCallback], [.cancelCallback(1)], [.drop]]
        ),
        Scenario(
            name: "fixed, closes, and ends",
            slots: "i",
            isFixed: true,
            callers: [[.get], [.get, .close], [.drop]]
        ),
        Scenario(
            name: "fixed, two get twice, so that the ring wraps",
            slots: "i",
            isFixed: true,
            maximumWaiters: 2,
            callers: [[.get, .get], [.get, .get]]
        ),
        Scenario(name: "fixed, filled while a caller waits", slots: "v", isFixed: true, callers: [[.get], [.fulfill]]),
    ]
}
