// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// How the atomic words of the core are packed. Every word is pointer-sized; the widths below are the only thing that
// differs between 64 and 32 bits.

/// Bits for a ticket, for the number of a waiter's record, and for the length of the queue.
///
/// A ticket number comes again after 2^38 (2^20) tickets. That hurts only a thread that stalls inside one operation, between
/// a load and its compare-and-swap, for exactly a multiple of that many waits: seven hours without a pause at ten million
/// waits a second on 64 bits. On 32 bits it is a million waits within one preemption.
///
/// The length counts the tickets between the head and the tail, also those whose waiter has left, so the line ends at 2^25 (2^11)
/// tickets behind one waiter.
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

    /// The largest number of waiters: the ring of so many, with two cells for each, is shorter than the longest queue.
    static var maximumWaiters: Int { 1 << (record - 2) }
}

/// A place in line: consecutive numbers that wrap around.
struct Ticket: Equatable {
    static var mask: UInt { (1 << WordWidth.ticket) - 1 }

    let number: UInt

    init(_ number: UInt) { self.number = number & Ticket.mask }

    func advanced(by distance: UInt) -> Ticket { Ticket(number &+ distance) }

    /// Whether this ticket was drawn after `other`, for tickets less than half the range apart.
    func isAfter(_ other: Ticket) -> Bool {
        let distance = (number &- other.number) & Ticket.mask
        return distance != 0 && distance < 1 << (WordWidth.ticket - 1)
    }
}

/// The queue: closed or open, its tail, and how many tickets are in line. The head is the tail minus the length.
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

    /// Nobody is in line and the queue is open: everything but the tail is zero.
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

    /// With one more ticket in line. Not for a closed queue.
    var longer: QueueWord { QueueWord(tail: tail.advanced(by: 1), length: length + 1, isClosed: false) }

    /// Without its oldest ticket.
    var shorter: QueueWord { QueueWord(bits: bits - 1) }
}

/// A cell of the ring: the ticket that it serves now, whether that ticket's waiter is in it, and the record of the waiter.
///
///     | ticket 38 | state 1 | record 20 |
///
/// The ticket only grows. A ticket in line whose cell serves a later one has no waiter any more.
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

/// The state of a slot: a phase, and two marks that can be set on it in any phase.
@usableFromInline
enum SlotWord {
    /// Without an element, and nobody's.
    @usableFromInline static let vacant: UInt = 0
    /// Without an element, in the hand of someone who fills it or empties it.
    @usableFromInline static let reserved: UInt = 1
    /// With an element, and nobody's.
    @usableFromInline static let idle: UInt = 2
    /// In the hand of a holder, and nobody had to wait for it.
    @usableFromInline static let leased: UInt = 3
    /// In the hand of a holder, and somebody waits or waited: the return has to look at the queue.
    @usableFromInline static let contended: UInt = 4

    static let phase: UInt = 7
    /// The slot is to become vacant when it comes back, and to stay so.
    static let retired: UInt = 8
    /// The pool is gone: whoever has the slot in hand destroys the element and lets go of the block.
    static let orphaned: UInt = 16
}

/// How many slots of a group are in which state, as far as a search needs to know: so that it passes over groups in which it has
/// nothing to do.
///
///     | retired 21 | vacant 21 | open 21 |        (10 each on 32 bits)
///
/// Each number is at least the true one at every instant: it grows before a slot enters the state, and shrinks after the slot has left.
@usableFromInline
struct TallyWord {
    private static var width: UInt { UInt(UInt.bitWidth) / 3 }
    private static var mask: UInt { 1 << width - 1 }

    /// The number of slots in a group.
    static var group: Int { 64 }

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

/// The free list of records: the first free one, and a count that changes with every exchange, so that a stale head cannot
/// be mistaken for a current one.
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
