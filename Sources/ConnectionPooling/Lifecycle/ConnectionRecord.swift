// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// The metadata of the connection in one slot of the pool: its age, its holder and its use.
///
/// The slot's holder writes the record, and any thread may read it. The words are therefore
/// atomic; they need no order among each other. The words that every lease accesses share one
/// pair of cache lines, and no two records share a line.
@usableFromInline
@safe
struct PlaceRecord: ~Copyable {
    /// The start of the lease; 0 if the connection is not leased.
    @usableFromInline let leasedAt = Atomic<UInt64>(0)
    /// The instant of the last use or successful test.
    @usableFromInline let idleSince = Atomic<UInt64>(0)
    @usableFromInline let uses = Atomic<Int>(0)
    /// The call site of the checkout: a file name, as static text, and a line.
    @usableFromInline let file = Atomic<UInt>(0)
    @usableFromInline let line = Atomic<UInt>(0)
    /// The task whose `withConnection` holds the connection; 0 for none.
    @usableFromInline let holder = Atomic<UInt>(0)
    /// The instant from which on the connection is replaced.
    @usableFromInline let retireAt = Atomic<UInt64>(.max)
    /// The pool's ``ConnectionPool/generation`` before the connection attempt; plus one if the
    /// connection is suspect.
    @usableFromInline let generation = Atomic<UInt>(0)
    /// The number of leases that have begun.
    @usableFromInline let acquired = Atomic<Int>(0)
    /// The address of the slot's ``UseCounts``; 0 before the first use.
    @usableFromInline let useCounts = Atomic<UInt>(0)
    /// Receives counts that are full.
    let useTotals: Unmanaged<UseTotals>
    /// The lease that has been reported as too long, identified by its `leasedAt`.
    let reported = Atomic<UInt64>(0)
    /// The instant at which the connection was made.
    let bornAt = Atomic<UInt64>(0)
    /// The value of `uses` at the last successful test; equal to `uses` if there was no use
    /// since.
    let usesWhenTested = Atomic<Int>(0)
    /// The instant of the last use, or of the creation, before the last successful test.
    let usedBeforeTest = Atomic<UInt64>(0)
    /// Nanoseconds by which the connection's keepalive precedes the configured interval.
    let keepAliveLead = Atomic<UInt64>(0)

    /// Bytes from one record to the next: pairs of cache lines, which processors fetch together.
    static var stride: Int { 128 }

    init(useTotals: UseTotals) { unsafe self.useTotals = .passUnretained(useTotals) }
}

/// A reference to the record of the connection in a slot. Valid as long as the pool.
@frozen
@usableFromInline
@safe
struct Place: @unchecked Sendable {
    @usableFromInline let record: UnsafeMutablePointer<PlaceRecord>

    init(_ record: UnsafeMutablePointer<PlaceRecord>) { unsafe self.record = unsafe record }

    /// Records the start of a lease.
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

    /// Records the end of a lease.
    ///
    /// - Returns: The duration of the lease in nanoseconds.
    @inlinable
    @inline(__always)
    func end(at now: UInt64) -> UInt64 {
        let begun = unsafe record.pointee.leasedAt.load(ordering: .relaxed)
        let duration = now > begun ? now - begun : 0
        unsafe record.pointee.leasedAt.store(0, ordering: .relaxed)
        // Cleared by the holder itself, so that a task never finds itself as the holder of a
        // connection that it has returned.
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

    /// Counts the first use of a slot, or a use whose count is zero or full.
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

    /// Nanoseconds since the last use or successful test.
    @inlinable
    @inline(__always)
    func idleTime(at now: UInt64) -> UInt64 {
        let since = unsafe record.pointee.idleSince.load(ordering: .relaxed)
        return now > since ? now - since : 0
    }

    @inlinable
    @inline(__always)
    var retireAt: UInt64 { unsafe record.pointee.retireAt.load(ordering: .relaxed) }

    /// The pool's generation before the connection attempt, in steps of two; odd if the
    /// connection is suspect.
    @inlinable
    @inline(__always)
    var generation: UInt { unsafe record.pointee.generation.load(ordering: .relaxed) }

    var holder: UInt { unsafe record.pointee.holder.load(ordering: .relaxed) }
    var bornAt: UInt64 { unsafe record.pointee.bornAt.load(ordering: .relaxed) }
    var keepAliveLead: UInt64 { unsafe record.pointee.keepAliveLead.load(ordering: .relaxed) }
    var isSuspect: Bool { generation & 1 == 1 }

    /// Whether the connection has been tested, or made, after its last use.
    var isTestedSinceUse: Bool { unsafe record.pointee.usesWhenTested.load(ordering: .relaxed) == uses }

    /// Nanoseconds since the last use, regardless of tests.
    func unusedTime(at now: UInt64) -> UInt64 {
        let since = unusedSince
        return now > since ? now - since : 0
    }

    /// The instant of the last use.
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

    /// Initializes the record of a new connection.
    ///
    /// The retirement instant is stored before the pool checks for a concurrent eviction, and an
    /// eviction is counted before it is stored in all records. Both are sequentially consistent,
    /// or else each could miss the other.
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

    /// Records a successful test, which is not a use.
    func touch(at now: UInt64) {
        if !isTestedSinceUse {
            unsafe record.pointee.usedBeforeTest.store(idleSince, ordering: .relaxed)
            unsafe record.pointee.usesWhenTested.store(uses, ordering: .relaxed)
        }
        unsafe record.pointee.idleSince.store(now, ordering: .relaxed)
        unsafe record.pointee.generation.bitwiseAnd(~1, ordering: .relaxed)
    }

    /// Marks the connection to be tested before its next use. Safe on any thread.
    func suspect() { unsafe record.pointee.generation.bitwiseOr(1, ordering: .relaxed) }

    /// Marks the current connection to be closed on its return.
    func expire() { unsafe record.pointee.retireAt.store(0, ordering: .sequentiallyConsistent) }

    /// Whether this call is the first to report the current lease.
    func claimReport(of leasedAt: UInt64) -> Bool {
        unsafe record.pointee.reported.exchange(leasedAt, ordering: .relaxed) != leasedAt
    }

    func wasReported(_ leasedAt: UInt64) -> Bool {
        unsafe record.pointee.reported.load(ordering: .relaxed) == leasedAt
    }
}

/// The records of all slots of a pool. The address of a record never changes.
@safe
final class Places: @unchecked Sendable {
    /// Records that were allocated together.
    @safe
    private struct Segment {
        let first: Int
        let count: Int
        let memory: UnsafeMutableRawPointer
    }

    /// The largest number of segments. The core adds slots in segments of doubling size.
    private static var mostSegments: Int { 17 }

    private let segments = UnsafeMutablePointer<Segment>.allocate(capacity: mostSegments)
    private let segmentCount = Atomic(0)
    private let useTotals = UseTotals()

    init(count: Int) {
        precondition(MemoryLayout<PlaceRecord>.size <= PlaceRecord.stride)
        grow(to: count)
    }

    /// The indices of the slots.
    var indices: Range<Int> {
        let last = unsafe segments[segmentCount.load(ordering: .acquiring) - 1]
        return 0..<last.first + last.count
    }

    /// Adds records until there are `count`. For one thread at a time.
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
        // Release: a thread that reads the new number finds the records.
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

    /// The durations of all uses. O(slots).
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
        preconditionFailure("ConnectionPool: this record belongs to another pool.")
    }

    subscript(index: Int) -> Place {
        var number = segmentCount.load(ordering: .acquiring) - 1
        while unsafe segments[number].first > index { number -= 1 }
        let segment = unsafe segments[number]
        let record = unsafe segment.memory + (index - segment.first) * PlaceRecord.stride
        return unsafe Place(record.assumingMemoryBound(to: PlaceRecord.self))
    }
}

/// The call site of a checkout, and the task if that task itself keeps and returns the
/// connection.
@frozen
@usableFromInline
package struct Caller: Sendable, CustomStringConvertible {
    /// The address of the file's name, which is static text.
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
