// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// A function and its context that wake a waiter, which may be a task, a thread or a callback.
///
/// The thread that serves, refuses or cancels the waiter calls the function once, with the
/// context and a `Wakeup`. The function must not block.
@safe
struct Waker: @unchecked Sendable {
    typealias Function = @convention(c) (UnsafeMutableRawPointer, Int) -> Void

    private let function: Function
    private let context: UnsafeMutableRawPointer

    /// Whether the waking thread releases the waiter's record first, because the waiter itself
    /// does not.
    let releasesRecord: Bool

    init(function: Function, context: UnsafeMutableRawPointer, releasesRecord: Bool = false) {
        unsafe self.function = unsafe function
        unsafe self.context = unsafe context
        self.releasesRecord = releasesRecord
    }

    func wake(_ wakeup: Int) { unsafe function(context, wakeup) }
}

/// The result of a wait: the index of the slot that the waiter now holds, or a negative reason.
enum Wakeup {
    static let cancelled = -1
    static let timedOut = -2
    static let closed = -3
    static let refused = -4
    /// The largest value for a failed waiter. Each smaller number encodes a reason by its
    /// difference.
    static let failed = -5
}

/// A reference to the record of a waiter: how to wake it, and its progress.
///
/// A caller that has to wait takes a record from the free list and releases it after its wait. If
/// there is none, as many callers wait as may.
@safe
struct Record {
    /// The values of `progress`.
    enum Progress {
        /// Not in line yet.
        static let preparing: UInt = 0
        /// Cancelled before it was in line, which it must not enter any more.
        static let cancelledEarly: UInt = 1
        /// Woken before the thread that put it in line has stored the ticket. Only for waiters
        /// that do not release their record.
        static let finished: UInt = 1

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

    /// The next record in the free list, plus one; 0 for none.
    var next: Word { unsafe Word(at: address) }

    /// The stage of the waiter between its request and its result.
    var progress: Word { unsafe Word(at: address + MemoryLayout<UInt>.stride) }

    /// The end of the wait, in ticks of the pool's clock; 0 for none.
    var deadline: Word { unsafe Word(at: address + 2 * MemoryLayout<UInt>.stride) }

    /// The means to wake the waiter. Written before the waiter is in line, and read by the thread
    /// that takes it out: the exchanges of the cell order the two.
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
    /// Takes a record from the free list, or else an unused one.
    ///
    /// - Returns: The index of the record; `nil` if `maximumWaiters` records are in use.
    /// - Complexity: O(1), lock-free. Allocates if an unused record is the first of its chunk.
    func takeRecord() -> Int? {
        while true {
            // Acquire: the last user of the record must have finished with it from this thread's
            // view.
            let list = FreeListWord(bits: freeRecords.loadAcquire())
            guard let first = list.first else {
                if let new = takeNewRecord() { return new }
                // All records have been used at least once. If none is free after that, all are in
                // use at this instant.
                if FreeListWord(bits: freeRecords.loadAcquire()).first == nil { return nil }
                continue
            }
            // The value is stale if another thread was faster. Then the exchange fails, because
            // the count has changed.
            let next = record(first).next.loadRelaxed()
            let rest = list.replacingFirst(with: next == 0 ? nil : Int(next) - 1)
            if freeRecords.compareExchangeAcquireRelease(list.bits, rest.bits) {
                record(first).progress.storeRelaxed(Record.Progress.preparing)
                record(first).deadline.storeRelaxed(0)
                return first
            }
        }
    }

    /// Takes the next record that was never used; `nil` if there is none.
    private func takeNewRecord() -> Int? {
        while true {
            // Acquire: the free list is loaded again if there is no unused record.
            let index = Int(usedRecords.loadAcquire())
            if index == shape.maximumWaiters { return nil }
            makeRecord(index)
            // Release: a sweep that finds the record in use finds its chunk. Sequentially
            // consistent: see `failWaiters(_:dueAt:)`.
            if usedRecords.compareExchange(UInt(index), UInt(index + 1)) { return index }
        }
    }

    /// Releases a record, whose index no other thread may use any more. O(1), lock-free.
    func releaseRecord(_ index: Int) {
        while true {
            let list = FreeListWord(bits: freeRecords.loadAcquire())
            record(index).next.storeRelaxed(Record.link(list.first))
            // Release: all accesses to the record happen before its next use.
            if freeRecords.compareExchangeAcquireRelease(list.bits, list.replacingFirst(with: index).bits) { return }
        }
    }

    /// Ends one of two uses of the record of a callback waiter: that of the thread that put it in
    /// line, or that of the thread that wakes it. The second of them releases the record.
    func finishRecord(_ index: Int, _ progress: UInt) {
        if !record(index).progress.compareExchange(Record.Progress.preparing, progress) { releaseRecord(index) }
    }
}
