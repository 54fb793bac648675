// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// What is known of the connection in one place of the pool: how old it is, who has it, and how it was used.
///
/// Written by whoever has the place in hand, and read by anybody: hence atomics, which need no order among each other. What every lease
/// touches is in one pair of cache lines, and no two places share one.
@usableFromInline
@safe
struct PlaceRecord: ~Copyable {
    /// Since when it has been leased; 0 if it is not.
    @usableFromInline let leasedAt = Atomic<UInt64>(0)
    /// When it was last used, or found to work.
    @usableFromInline let idleSince = Atomic<UInt64>(0)
    @usableFromInline let uses = Atomic<Int>(0)
    /// Where it was checked out: a file's name, as static text, and a line.
    @usableFromInline let file = Atomic<UInt>(0)
    @usableFromInline let line = Atomic<UInt>(0)
    /// The task whose `withConnection` has it; 0 for none.
    @usableFromInline let holder = Atomic<UInt>(0)
    /// From when on it is to be replaced.
    @usableFromInline let retireAt = Atomic<UInt64>(.max)
    /// The pool's ``ConnectionPool/generation`` before the connection was made; plus one if the connection is suspect.
    @usableFromInline let generation = Atomic<UInt>(0)
    /// How many leases have begun.
    @usableFromInline let acquired = Atomic<Int>(0)
    /// The address of the ``UseCounts`` of the slot; 0 before the first use.
    @usableFromInline let useCounts = Atomic<UInt>(0)
    /// Where full counts go.
    let useTotals: Unmanaged<UseTotals>
    /// The lease that has been reported as too long, by its `leasedAt`.
    let reported = Atomic<UInt64>(0)
    /// When the connection was made.
    let bornAt = Atomic<UInt64>(0)
    /// The value of `uses` when the connection was last found to work; `uses` while there was no use since.
    let usesWhenTested = Atomic<Int>(0)
    /// The last use, or the birth, before the connection was last found to work.
    let usedBeforeTest = Atomic<UInt64>(0)
    /// How long before the configuration's interval the connection's keepalive is due, in nanoseconds.
    let keepAliveLead = Atomic<UInt64>(0)

    /// Bytes from one place to the next: whole pairs of cache lines, which processors fetch together.
    static var stride: Int { 128 }

    init(useTotals: UseTotals) { unsafe self.useTotals = .passUnretained(useTotals) }
}

/// A reference to the record of a place. Valid for as long as the pool.
@frozen
@usableFromInline
@safe
struct Place: @unchecked Sendable {
    @usableFromInline let record: UnsafeMutablePointer<PlaceRecord>

    init(_ record: UnsafeMutablePointer<PlaceRecord>) { unsafe self.record = unsafe record }

    /// Notes that a lease begins.
    @inlinable
    @inline(__always)
    func begin(at now: UInt64, _ caller: Caller) {
        unsafe record.pointee.leasedAt.store(now, ordering: .relaxed)
        unsafe record.pointee.file.store(caller.file, ordering: .relaxed)
        unsafe record.pointee.line.store(caller.line, ordering: .relaxed)
        unsafe record.pointee.holder.store(caller.task, ordering: .relaxed)
        let acquired = unsafe record.pointee.acquired.load(ordering: .relaxed)
        unsafe record.pointee.acquired.store(acquired &+ 1, ordering: .relaxed)
    }

    /// Notes that a lease ends.
    ///
    /// - Returns: How long it took.
    @inlinable
    @inline(__always)
    func end(at now: UInt64) -> UInt64 {
        let begun = unsafe record.pointee.leasedAt.load(ordering: .relaxed)
        let duration = now > begun ? now - begun : 0
        unsafe record.pointee.leasedAt.store(0, ordering: .relaxed)
        // By the holder itself, so that it never finds itself where it no longer is.
        unsafe record.pointee.holder.store(0, ordering: .relaxed)
        unsafe record.pointee.idleSince.store(now, ordering: .relaxed)
        let uses = unsafe record.pointee.uses.load(ordering: .relaxed)
        unsafe record.pointee.uses.store(uses &+ 1, ordering: .relaxed)
        let counts = unsafe UnsafeMutablePointer<Atomic<UInt64>>(
            bitPattern: record.pointee.useCounts.load(ordering: .relaxed)
        )
        if let counts = unsafe counts, unsafe UseCounts(at: counts).add(duration) { return duration }
        countSlowly(duration)
        return duration
    }

    /// Counts the first use of a slot, or a use where a count is zero or full.
    @usableFromInline
    func countSlowly(_ use: UInt64) {
        if useCounts == nil {
            let counts = UseCounts.allocate()
            _ = counts.add(use)
            // Release: a snapshot finds the counts initialized.
            unsafe record.pointee.useCounts.store(UInt(bitPattern: counts.words), ordering: .releasing)
        }
        unsafe record.pointee.useTotals._withUnsafeGuaranteedRef { useCounts!.count(use, orMoveTo: $0) }
    }

    var useCounts: UseCounts? {
        let address = unsafe record.pointee.useCounts.load(ordering: .acquiring)
        return unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: address).map { unsafe UseCounts(at: $0) }
    }

    /// How long ago the connection was last used, or found to work.
    @inlinable
    @inline(__always)
    func idleTime(at now: UInt64) -> UInt64 {
        let since = unsafe record.pointee.idleSince.load(ordering: .relaxed)
        return now > since ? now - since : 0
    }

    @inlinable
    @inline(__always)
    var retireAt: UInt64 { unsafe record.pointee.retireAt.load(ordering: .relaxed) }

    /// The pool's generation before the connection was made, in steps of two; odd if the connection is suspect.
    @inlinable
    @inline(__always)
    var generation: UInt { unsafe record.pointee.generation.load(ordering: .relaxed) }

    var holder: UInt { unsafe record.pointee.holder.load(ordering: .relaxed) }
    var bornAt: UInt64 { unsafe record.pointee.bornAt.load(ordering: .relaxed) }
    var keepAliveLead: UInt64 { unsafe record.pointee.keepAliveLead.load(ordering: .relaxed) }
    var isSuspect: Bool { generation & 1 == 1 }

    /// Whether the connection has been found to work, or made, after its last use.
    var isTestedSinceUse: Bool { unsafe record.pointee.usesWhenTested.load(ordering: .relaxed) == uses }

    /// How long the connection has not been used, whether tests of it have succeeded or not.
    func unusedTime(at now: UInt64) -> UInt64 {
        let since = unusedSince
        return now > since ? now - since : 0
    }

    /// Since when the connection has not been used.
    var unusedSince: UInt64 {
        isTestedSinceUse ? unsafe record.pointee.usedBeforeTest.load(ordering: .relaxed) : idleSince
    }

    @inlinable
    @inline(__always)
    var uses: Int { unsafe record.pointee.uses.load(ordering: .relaxed) }
    var acquired: Int { unsafe record.pointee.acquired.load(ordering: .relaxed) }
    var leasedAt: UInt64 { unsafe record.pointee.leasedAt.load(ordering: .relaxed) }
    var idleSince: UInt64 { unsafe record.pointee.idleSince.load(ordering: .relaxed) }

    var caller: Caller {
        unsafe Caller(
            file: record.pointee.file.load(ordering: .relaxed),
            line: record.pointee.line.load(ordering: .relaxed)
        )
    }

    /// A new connection is here.
    ///
    /// When it is to retire is stored before it is looked whether all were evicted meanwhile, and an eviction is counted before
    /// it is stored everywhere: sequentially consistent, or each could miss the other.
    func welcome(at now: UInt64, retireAt: UInt64, generation: UInt, keepAliveLead: UInt64) {
        unsafe record.pointee.retireAt.store(retireAt, ordering: .sequentiallyConsistent)
        unsafe record.pointee.generation.store(generation, ordering: .relaxed)
        unsafe record.pointee.keepAliveLead.store(keepAliveLead, ordering: .relaxed)
        unsafe record.pointee.bornAt.store(now, ordering: .relaxed)
        unsafe record.pointee.usedBeforeTest.store(now, ordering: .relaxed)
        unsafe record.pointee.usesWhenTested.store(0, ordering: .relaxed)
        unsafe record.pointee.idleSince.store(now, ordering: .relaxed)
        unsafe record.pointee.uses.store(0, ordering: .relaxed)
    }

    /// Notes that the connection has been found to work, which is no use of it.
    func touch(at now: UInt64) {
        if !isTestedSinceUse {
            unsafe record.pointee.usedBeforeTest.store(idleSince, ordering: .relaxed)
            unsafe record.pointee.usesWhenTested.store(uses, ordering: .relaxed)
        }
        unsafe record.pointee.idleSince.store(now, ordering: .relaxed)
        unsafe record.pointee.generation.bitwiseAnd(~1, ordering: .relaxed)
    }

    /// Has the connection tested before its next use. For any thread.
    func suspect() { unsafe record.pointee.generation.bitwiseOr(1, ordering: .relaxed) }

    /// Whatever connection is here is to go when it comes back.
    func expire() { unsafe record.pointee.retireAt.store(0, ordering: .sequentiallyConsistent) }

    /// Whether this is the first to report the lease that is out.
    func claimReport(of leasedAt: UInt64) -> Bool {
        unsafe record.pointee.reported.exchange(leasedAt, ordering: .relaxed) != leasedAt
    }

    func wasReported(_ leasedAt: UInt64) -> Bool {
        unsafe record.pointee.reported.load(ordering: .relaxed) == leasedAt
    }
}

/// The records of all slots of a pool. A record stays where it is for as long as the pool.
@safe
final class Places: @unchecked Sendable {
    /// Records that were made together.
    @safe
    private struct Segment {
        let first: Int
        let count: Int
        let memory: UnsafeMutableRawPointer
    }

    /// The core adds slots in segments of twice the size each, so more than these do not come.
    private static var mostSegments: Int { 17 }

    private let segments = UnsafeMutablePointer<Segment>.allocate(capacity: mostSegments)
    private let segmentCount = Atomic(0)
    private let useTotals = UseTotals()

    init(count: Int) {
        precondition(MemoryLayout<PlaceRecord>.size <= PlaceRecord.stride)
        grow(to: count)
    }

    /// The numbers of the slots.
    var indices: Range<Int> {
        let last = unsafe segments[segmentCount.load(ordering: .acquiring) - 1]
        return 0..<last.first + last.count
    }

    /// Adds records until there are so many. For one thread at a time.
    func grow(to count: Int) {
        let number = segmentCount.load(ordering: .relaxed)
        let first = number == 0 ? 0 : indices.upperBound
        if count <= first { return }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: (count - first) * PlaceRecord.stride,
            alignment: PlaceRecord.stride
        )
        for index in 0..<count - first {
            unsafe (memory + index * PlaceRecord.stride).initializeMemory(
                as: PlaceRecord.self,
                to: PlaceRecord(useTotals: useTotals)
            )
        }
        unsafe (segments + number).initialize(to: Segment(first: first, count: count - first, memory: memory))
        // Release: a thread that finds the new number finds the records.
        segmentCount.store(number + 1, ordering: .releasing)
    }

    deinit {
        for index in indices {
            self[index].useCounts?.deallocate()
            unsafe self[index].record.deinitialize(count: 1)
        }
        for number in 0..<segmentCount.load(ordering: .relaxed) { unsafe segments[number].memory.deallocate() }
        unsafe segments.deallocate()
    }

    /// How long all uses took. O(slots).
    var useTimes: Distribution {
        useTotals.counts.withLock { totals in
            var (sums, total) = (totals.isEmpty ? Distribution.noCounts : totals, UInt64(0))
            for index in indices {
                guard let counts = self[index].useCounts else { continue }
                counts.add(to: &sums)
                total &+= counts.sum
            }
            return Distribution(counts: sums, total: total)
        }
    }

    func index(of place: Place) -> Int {
        for number in 0..<segmentCount.load(ordering: .acquiring) {
            let segment = unsafe segments[number]
            let offset = unsafe UnsafeMutableRawPointer(place.record) - segment.memory
            if 0..<segment.count * PlaceRecord.stride ~= offset {
                return segment.first + offset / PlaceRecord.stride
            }
        }
        preconditionFailure("ConnectionPool: this place is of another pool.")
    }

    subscript(index: Int) -> Place {
        var number = segmentCount.load(ordering: .acquiring) - 1
        while unsafe segments[number].first > index { number -= 1 }
        let segment = unsafe segments[number]
        let record = unsafe segment.memory + (index - segment.first) * PlaceRecord.stride
        return unsafe Place(record.assumingMemoryBound(to: PlaceRecord.self))
    }
}

/// Who checks a connection out: a place in a source file, and the task if it is sure to keep the connection.
@frozen
@usableFromInline
package struct Caller: Sendable, CustomStringConvertible {
    /// Where the text of the file's name begins, which lives for ever.
    @usableFromInline let file: UInt
    @usableFromInline let line: UInt
    /// 0 for none.
    @usableFromInline let task: UInt

    @usableFromInline
    init(file: UInt, line: UInt) {
        self.file = file
        self.line = line
        task = 0
    }

    @inlinable
    @inline(__always)
    package init(_ file: StaticString, _ line: UInt, task: UInt = 0) {
        self.task = task
        self.file = file.hasPointerRepresentation ? unsafe UInt(bitPattern: file.utf8Start) : 0
        self.line = line
    }

    @usableFromInline package var description: String {
        guard let text = unsafe UnsafePointer<CChar>(bitPattern: file) else { return "unknown" }
        return unsafe "\(String(cString: text)):\(line)"
    }
}
