// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The layout of the core's atomic words. Every word has the size of a pointer. Only the widths
// below differ between 64 and 32 bits.

/// The bits of a ticket, of the index of a record, and of the length of the queue.
///
/// A ticket number recurs after 2^38 (2^20) tickets. The recurrence harms only a thread that
/// stalls inside one operation, between a load and its compare-exchange, for exactly a multiple
/// of that many waits: on 64 bits seven hours without a pause at ten million waits per second, on
/// 32 bits a million waits within one preemption.
///
/// The length counts the tickets between the head and the tail, including those whose waiter has
/// left. The line thus ends at 2^25 (2^11) tickets behind one waiter.
@usableFromInline
enum WordWidth {
    #if _pointerBitWidth(_64)
        @usableFromInline static let ticket: UInt = 38
        @usableFromInline static let record: UInt = 20
        @usableFromInline static let length: UInt = 25
    #else
        @usableFromInline static let ticket: UInt = 20
        @usableFromInline static let record: UInt = 10
        @usableFromInline static let length: UInt = 11
    #endif

    /// The largest number of waiters. The ring for them, with two cells for each, is shorter than
    /// the longest queue.
    static var maximumWaiters: Int { 1 << (record - 2) }
}

/// A position in line: consecutive numbers that wrap around.
struct Ticket: Equatable {
    static var mask: UInt { (1 << WordWidth.ticket) - 1 }

    let number: UInt

    init(_ number: UInt) { self.number = number & Ticket.mask }

    func advanced(by distance: UInt) -> Ticket { Ticket(number &+ distance) }

    /// Whether this ticket was issued after `other`, for tickets less than half the range apart.
    func isAfter(_ other: Ticket) -> Bool {
        let distance = (number &- other.number) & Ticket.mask
        return distance != 0 && distance < 1 << (WordWidth.ticket - 1)
    }
}

/// The queue: closed or open, its tail, and the number of tickets in line. The head is the tail
/// minus the length.
///
///     | closed 1 | tail 38 | length 25 |
@usableFromInline
struct QueueWord: Equatable {
    static var closedBit: UInt { 1 << (WordWidth.ticket + WordWidth.length) }

    @inlinable
    static var lengthMask: UInt { (1 << WordWidth.length) - 1 }

    @usableFromInline let bits: UInt

    @inlinable
    init(bits: UInt) { self.bits = bits }

    init(tail: Ticket, length: UInt, isClosed: Bool) {
        bits = (isClosed ? QueueWord.closedBit : 0) | tail.number << WordWidth.length | length
    }

    /// Whether the line is empty and the queue open: every bit except the tail's is zero.
    @inlinable
    @inline(__always)
    var admitsNewcomers: Bool {
        bits & (1 << (WordWidth.ticket + WordWidth.length) | QueueWord.lengthMask) == 0
    }

    var isClosed: Bool { bits & QueueWord.closedBit != 0 }
    var length: UInt { bits & QueueWord.lengthMask }
    var isEmpty: Bool { length == 0 }
    var tail: Ticket { Ticket(bits >> WordWidth.length) }
    var head: Ticket { Ticket(tail.number &- length) }

    var closed: QueueWord { QueueWord(bits: bits | QueueWord.closedBit) }

    /// The queue with one more ticket in line. Not for a closed queue.
    var longer: QueueWord { QueueWord(tail: tail.advanced(by: 1), length: length + 1, isClosed: false) }

    /// The queue without its oldest ticket.
    var shorter: QueueWord { QueueWord(bits: bits - 1) }
}

/// A cell of the ring: the ticket that it serves, whether that ticket's waiter occupies it, and
/// the record of the waiter.
///
///     | ticket 38 | state 1 | record 20 |
///
/// The ticket only grows. A ticket in line whose cell serves a later ticket has no waiter any
/// more.
struct CellWord: Equatable {
    enum State: UInt {
        case empty, waiting
    }

    let bits: UInt

    init(bits: UInt) { self.bits = bits }

    init(_ ticket: Ticket, _ state: State, record: Int = 0) {
        bits = ticket.number << (WordWidth.record + 1) | state.rawValue << WordWidth.record | UInt(record)
    }

    var ticket: Ticket { Ticket(bits >> (WordWidth.record + 1)) }
    var isEmpty: Bool { bits >> WordWidth.record & 1 == State.empty.rawValue }
    var isWaiting: Bool { bits >> WordWidth.record & 1 == State.waiting.rawValue }
    var record: Int { Int(bits & (1 << WordWidth.record - 1)) }
}

/// The state of a slot: a phase, and two marks that any phase can have.
@usableFromInline
enum SlotWord {
    /// Without an element, and not held.
    @usableFromInline static let vacant: UInt = 0
    /// Without an element, held to be filled or emptied.
    @usableFromInline static let reserved: UInt = 1
    /// With an element, and not held.
    @usableFromInline static let idle: UInt = 2
    /// Held by a lease for which no caller waits.
    @usableFromInline static let leased: UInt = 3
    /// Held by a lease, with a current or former waiter: the return must load the queue.
    @usableFromInline static let contended: UInt = 4

    static let phase: UInt = 7
    /// The slot becomes vacant on its return, and stays so.
    static let retired: UInt = 8
    /// The pool is gone: the slot's holder destroys the element and releases its hold on the
    /// block.
    static let orphaned: UInt = 16
}

/// The numbers of slots of a group by state, for a search that skips groups without a suitable
/// slot.
///
///     | retired 21 | vacant 21 | open 21 |        (10 each on 32 bits)
///
/// Each number is at least the true one at every instant: it grows before a slot enters the
/// state, and shrinks after the slot has left it.
@usableFromInline
struct TallyWord {
    private static var width: UInt { UInt(UInt.bitWidth) / 3 }
    private static var mask: UInt { 1 << width - 1 }

    /// The number of slots in a group.
    static var group: Int { Slots.inGroup }

    /// One slot that is idle, or leased and not marked.
    static var open: UInt { 1 }
    /// One slot that is vacant and can be reserved.
    static var vacant: UInt { 1 << width }
    /// One slot that is vacant and retired.
    static var retired: UInt { 1 << (2 * width) }

    let bits: UInt

    init(bits: UInt) { self.bits = bits }

    var open: UInt { bits & TallyWord.mask }
    var vacant: UInt { bits >> TallyWord.width & TallyWord.mask }
    var retired: UInt { bits >> (2 * TallyWord.width) & TallyWord.mask }
}

/// The free list of records: the first free record, and a count that changes with every exchange,
/// so that a stale head cannot be mistaken for a current one.
struct FreeListWord {
    let bits: UInt

    init(bits: UInt) { self.bits = bits }

    init(first: Int?, count: UInt) {
        bits = count << (WordWidth.record + 1) | UInt(first.map { $0 + 1 } ?? 0)
    }

    var first: Int? {
        let number = bits & (1 << (WordWidth.record + 1) - 1)
        return number == 0 ? nil : Int(number) - 1
    }

    func replacingFirst(with first: Int?) -> FreeListWord {
        FreeListWord(first: first, count: (bits >> (WordWidth.record + 1)) &+ 1)
    }
}
