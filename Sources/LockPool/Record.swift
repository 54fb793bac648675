// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// How a waiter is woken, whatever it runs on: a function, and a context for it.
///
/// The function is called once, by whoever serves, refuses or cancels the waiter, on that thread, with the context and a
/// `Wakeup`. It must not block.
@safe
struct Waker: @unchecked Sendable {
    typealias Function = @convention(c) (UnsafeMutableRawPointer, Int) -> Void

    private let function: Function
    private let context: UnsafeMutableRawPointer

    /// Whether whoever wakes the waiter gives its record back before, because the waiter itself does not come back for it.
    let givesRecordBack: Bool

    init(function: Function, context: UnsafeMutableRawPointer, givesRecordBack: Bool = false) {
        unsafe self.function = unsafe function
        unsafe self.context = unsafe context
        self.givesRecordBack = givesRecordBack
    }

    func wake(_ wakeup: Int) { unsafe function(context, wakeup) }
}

/// What a waiter is told: the slot that is in its hand now, or why there is none.
enum Wakeup {
    static let cancelled = -1
    static let timedOut = -2
    static let closed = -3
    static let refused = -4
    /// The last of the named ones: each smaller number is this one with a reason.
    static let failed = -5
}

/// A reference to a waiter's place: how it is woken, and what became of it.
///
/// A caller that has to wait takes a record from the free list and gives it back when it has its answer. None left means
/// that as many wait as may.
@safe
struct Record {
    /// What `progress` says.
    enum Progress {
        /// Not in line yet.
        static let preparing: UInt = 0
        /// Cancelled before it was in line, so it shall not get there.
        static let cancelledEarly: UInt = 1
        /// Woken before whoever put it in line has noted the ticket. Only for waiters that do not come back for their record.
        static let left: UInt = 1

        /// In line, with this ticket.
        static func queued(_ ticket: Ticket) -> UInt { ticket.number + 2 }

        static func ticket(_ progress: UInt) -> Ticket? { progress < 2 ? nil : Ticket(progress - 2) }
    }

    static var stride: Int { Core.line }

    let address: UnsafeMutableRawPointer

    init(address: UnsafeMutableRawPointer) { unsafe self.address = unsafe address }

    func initialize(nextFree: Int?) {
        next.initialize(to: Record.link(nextFree))
        progress.initialize(to: Progress.preparing)
        deadline.initialize(to: 0)
    }

    /// The record after this one in the free list, plus one; 0 for none.
    var next: Word { unsafe Word(at: address) }

    /// Where the waiter is between asking and having its answer.
    var progress: Word { unsafe Word(at: address + MemoryLayout<UInt>.stride) }

    /// When the waiter gives up, in ticks of the pool's clock; 0 for never.
    var deadline: Word { unsafe Word(at: address + 2 * MemoryLayout<UInt>.stride) }

    /// How to wake the waiter. Written before the waiter is in line and read by whoever takes it out: the exchanges of the
    /// cell order the two.
    var waker: Waker {
        get {
            unsafe Memory.willTouch(address)
            return unsafe (address + 3 * MemoryLayout<UInt>.stride).load(as: Waker.self)
        }
        nonmutating set {
            unsafe Memory.willTouch(address)
            unsafe (address + 3 * MemoryLayout<UInt>.stride).storeBytes(of: newValue, as: Waker.self)
        }
    }

    static func link(_ index: Int?) -> UInt { index.map { UInt($0) + 1 } ?? 0 }
}

extension Core {
    /// Takes a record from the free list, else one that was never in use.
    ///
    /// - Returns: The number of the record; `nil` if `maximumWaiters` records are in use.
    /// - Complexity: O(1), lock-free. Allocates where the record, of those never in use, is the first of its chunk.
    func takeRecord() -> Int? {
        while true {
            // Acquire: the record's last user has let go of it, as far as this thread can see.
            let list = FreeListWord(bits: freeRecords.loadAcquire())
            guard let first = list.first else { return takeNewRecord() }
            // May be stale when another thread was faster; then the exchange fails, because the count has changed.
            let next = record(first).next.loadRelaxed()
            let rest = list.replacingFirst(with: next == 0 ? nil : Int(next) - 1)
            if freeRecords.swapAcquireRelease(list.bits, rest.bits) {
                record(first).progress.storeRelaxed(Record.Progress.preparing)
                record(first).deadline.storeRelaxed(0)
                return first
            }
        }
    }

    /// Takes the next record that was never in use, or `nil` if there is none.
    private func takeNewRecord() -> Int? {
        while true {
            let index = Int(usedRecords.loadRelaxed())
            if index == shape.maximumWaiters { return nil }
            makeRecord(index)
            // Release: a sweep that finds the record in use finds its chunk.
            if usedRecords.swapRelease(UInt(index), UInt(index + 1)) { return index }
        }
    }

    /// Gives a record back. Nobody may hold its index any more. O(1), lock-free.
    func giveRecord(_ index: Int) {
        while true {
            let list = FreeListWord(bits: freeRecords.loadAcquire())
            record(index).next.storeRelaxed(Record.link(list.first))
            // Release: all that was done with the record comes before its next use.
            if freeRecords.swapAcquireRelease(list.bits, list.replacingFirst(with: index).bits) { return }
        }
    }

    /// Ends the use of the record of a waiter that does not come back for it, by one of the two that use it: whoever put the
    /// waiter in line, and whoever wakes it. The second gives the record back.
    func leaveRecord(_ index: Int, _ progress: UInt) {
        if !record(index).progress.swap(Record.Progress.preparing, progress) { giveRecord(index) }
    }
}
