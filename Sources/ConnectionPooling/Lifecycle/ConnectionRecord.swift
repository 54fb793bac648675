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
struct RecordStorage: ~Copyable {
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
struct ConnectionRecord: LifecycleValues, @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutablePointer<RecordStorage>

    init(_ storage: UnsafeMutablePointer<RecordStorage>) { unsafe self.storage = unsafe storage }

    /// Records the start of a lease.
    @inlinable
    @inline(__always)
    func beginLease(at now: UInt64, _ callSite: CallSite) {
        unsafe storage.pointee.leasedAt.store(now, ordering: .relaxed)
        unsafe storage.pointee.file.store(callSite.file, ordering: .relaxed)
        unsafe storage.pointee.line.store(callSite.line, ordering: .relaxed)
        unsafe storage.pointee.holder.store(callSite.task, ordering: .relaxed)
        let acquired = unsafe storage.pointee.acquired.load(ordering: .relaxed)
        unsafe storage.pointee.acquired.store(acquired &+ 1, ordering: .relaxed)
    }

    /// Records the end of a lease.
    ///
    /// - Returns: The duration of the lease in nanoseconds.
    @inlinable
    @inline(__always)
    func endLease(at now: UInt64) -> UInt64 {
        let begun = unsafe storage.pointee.leasedAt.load(ordering: .relaxed)
        let duration = now > begun ? now - begun : 0
        unsafe storage.pointee.leasedAt.store(0, ordering: .relaxed)
        // Cleared by the holder itself, so that a task never finds itself as the holder of a
        // connection that it has returned.
        unsafe storage.pointee.holder.store(0, ordering: .relaxed)
        unsafe storage.pointee.idleSince.store(now, ordering: .relaxed)
        let uses = unsafe storage.pointee.uses.load(ordering: .relaxed)
        unsafe storage.pointee.uses.store(uses &+ 1, ordering: .relaxed)
        let counts = unsafe UnsafeMutablePointer<Atomic<UInt64>>(
            bitPattern: storage.pointee.useCounts.load(ordering: .relaxed)
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
            unsafe storage.pointee.useCounts.store(UInt(bitPattern: counts.words), ordering: .releasing)
        }
        unsafe storage.pointee.useTotals._withUnsafeGuaranteedRef { useCounts!.count(use, orMoveTo: $0) }
    }

    var useCounts: UseCounts? {
        let address = unsafe storage.pointee.useCounts.load(ordering: .acquiring)
        return unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: address).map { unsafe UseCounts(at: $0) }
    }

    @inlinable
    @inline(__always)
    var retireAt: UInt64 { unsafe storage.pointee.retireAt.load(ordering: .relaxed) }

    /// The pool's generation before the connection attempt, in steps of two; odd if the
    /// connection is suspect.
    @inlinable
    @inline(__always)
    var generation: UInt { unsafe storage.pointee.generation.load(ordering: .relaxed) }

    var holder: UInt { unsafe storage.pointee.holder.load(ordering: .relaxed) }
    var bornAt: UInt64 { unsafe storage.pointee.bornAt.load(ordering: .relaxed) }

    @usableFromInline
    var keepAliveLead: UInt64 { unsafe storage.pointee.keepAliveLead.load(ordering: .relaxed) }

    /// Whether the connection has been tested, or made, after its last use.
    @usableFromInline
    var isTestedSinceUse: Bool { unsafe storage.pointee.usesWhenTested.load(ordering: .relaxed) == uses }

    /// The instant of the last use.
    @usableFromInline
    var unusedSince: UInt64 {
        isTestedSinceUse ? unsafe storage.pointee.usedBeforeTest.load(ordering: .relaxed) : idleSince
    }

    @inlinable
    @inline(__always)
    var uses: Int { unsafe storage.pointee.uses.load(ordering: .relaxed) }

    /// The instant of the last use or successful test.
    @inlinable
    @inline(__always)
    var idleSince: UInt64 { unsafe storage.pointee.idleSince.load(ordering: .relaxed) }

    var acquired: Int { unsafe storage.pointee.acquired.load(ordering: .relaxed) }
    var leasedAt: UInt64 { unsafe storage.pointee.leasedAt.load(ordering: .relaxed) }

    var callSite: CallSite {
        unsafe CallSite(
            file: storage.pointee.file.load(ordering: .relaxed),
            line: storage.pointee.line.load(ordering: .relaxed)
        )
    }

    /// Initializes the record of a new connection.
    ///
    /// The retirement instant is stored before the pool checks for a concurrent eviction, and an
    /// eviction is counted before it is stored in all records. Both are sequentially consistent,
    /// or else each could miss the other.
    func connectionMade(at now: UInt64, retireAt: UInt64, generation: UInt, keepAliveLead: UInt64) {
        unsafe storage.pointee.retireAt.store(retireAt, ordering: .sequentiallyConsistent)
        unsafe storage.pointee.generation.store(generation, ordering: .relaxed)
        unsafe storage.pointee.keepAliveLead.store(keepAliveLead, ordering: .relaxed)
        unsafe storage.pointee.bornAt.store(now, ordering: .relaxed)
        unsafe storage.pointee.usedBeforeTest.store(now, ordering: .relaxed)
        unsafe storage.pointee.usesWhenTested.store(0, ordering: .relaxed)
        unsafe storage.pointee.idleSince.store(now, ordering: .relaxed)
        unsafe storage.pointee.uses.store(0, ordering: .relaxed)
    }

    /// Records a successful test, which is not a use.
    func noteTest(at now: UInt64) {
        if !isTestedSinceUse {
            unsafe storage.pointee.usedBeforeTest.store(idleSince, ordering: .relaxed)
            unsafe storage.pointee.usesWhenTested.store(uses, ordering: .relaxed)
        }
        unsafe storage.pointee.idleSince.store(now, ordering: .relaxed)
        unsafe storage.pointee.generation.bitwiseAnd(~1, ordering: .relaxed)
    }

    /// Marks the connection to be tested before its next use. Safe on any thread.
    func markSuspect() { unsafe storage.pointee.generation.bitwiseOr(1, ordering: .relaxed) }

    /// Marks the current connection to be closed on its return.
    func evict() { unsafe storage.pointee.retireAt.store(LifecyclePolicy.evicted, ordering: .sequentiallyConsistent) }

    /// Records that the lease holder wants the connection closed. A concurrent eviction has the
    /// same effect.
    func markDiscarded() {
        unsafe storage.pointee.retireAt.store(LifecyclePolicy.discarded, ordering: .sequentiallyConsistent)
    }

    /// Whether this call is the first to report the current lease.
    func claimReport(of leasedAt: UInt64) -> Bool {
        unsafe storage.pointee.reported.exchange(leasedAt, ordering: .relaxed) != leasedAt
    }

    func wasReported(_ leasedAt: UInt64) -> Bool {
        unsafe storage.pointee.reported.load(ordering: .relaxed) == leasedAt
    }
}
