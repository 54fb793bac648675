// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// The durations of the leases of one slot, in 512 bytes: a histogram with counts of 16 bits, and
/// the sum.
///
/// Only the lease holder counts. A full count moves to the totals of the pool.
@usableFromInline
@safe
struct UseCounts {
    /// A word for each power of two, with a count for each of its four buckets; then a word whose
    /// bits say which of these are not zero; then the sum of all uses in nanoseconds.
    @usableFromInline let words: UnsafeMutablePointer<Atomic<UInt64>>

    @usableFromInline static var size: Int { @inlinable get { 62 } }

    @inlinable
    init(at words: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.words = unsafe words }

    static func allocate() -> UseCounts {
        let words = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: size + 2)
        for index in 0...size + 1 { unsafe (words + index).initialize(to: Atomic(0)) }
        return unsafe UseCounts(at: words)
    }

    func deallocate() {
        unsafe words.deinitialize(count: Self.size + 2)
        unsafe words.deallocate()
    }

    /// Adds a use to the sum, and counts it.
    ///
    /// - Returns: Whether the use was counted. If not, the caller must call
    ///   ``count(_:orMoveTo:)``.
    @inlinable
    @inline(__always)
    func add(_ nanoseconds: UInt64) -> Bool {
        let sum = unsafe words[Self.size &+ 1].load(ordering: .relaxed)
        unsafe words[Self.size &+ 1].store(sum &+ nanoseconds, ordering: .relaxed)
        let bucket = DurationHistogram.bucket(nanoseconds)
        let word = unsafe words + bucket &>> 2
        let shift = UInt64(truncatingIfNeeded: (bucket & 3) &* 16)
        let counts = unsafe word.pointee.load(ordering: .relaxed)
        if counts == 0 || (counts &>> shift) & 0xFFFF == 0xFFFF { return false }
        unsafe word.pointee.store(counts &+ (1 &<< shift), ordering: .relaxed)
        return true
    }

    /// Counts a use if its word is zero or its count is full.
    func count(_ nanoseconds: UInt64, orMoveTo totals: UseTotals) {
        let bucket = DurationHistogram.bucket(nanoseconds)
        let (index, shift) = (bucket / 4, UInt64(bucket % 4 * 16))
        let counts = unsafe words[index].load(ordering: .relaxed)
        if (counts >> shift) & 0xFFFF == 0xFFFF {
            // Under the lock of the totals: no snapshot in between counts these twice, or not at
            // all.
            totals.counts.withLock { totals in
                if totals.isEmpty { totals = DurationHistogram.noCounts }
                totals[bucket] += 0x1_0000
                unsafe words[index].store(counts & ~(0xFFFF << shift), ordering: .relaxed)
            }
        } else {
            unsafe words[index].store(counts + (1 << shift), ordering: .relaxed)
        }
        let used = unsafe words[Self.size].load(ordering: .relaxed)
        unsafe words[Self.size].store(used | 1 << UInt64(index), ordering: .relaxed)
    }

    /// The sum of all uses, in nanoseconds.
    var sum: UInt64 { unsafe words[Self.size + 1].load(ordering: .relaxed) }

    /// Adds the counts to `sums`, which has an element for each bucket. O(powers of two that
    /// occur).
    func add(to sums: inout [Int]) {
        var used = unsafe words[Self.size].load(ordering: .relaxed)
        while used != 0 {
            let index = used.trailingZeroBitCount
            used &= used - 1
            var counts = unsafe words[index].load(ordering: .relaxed)
            for bucket in 4 * index..<4 * index + 4 {
                sums[bucket] += Int(counts & 0xFFFF)
                counts >>= 16
            }
        }
    }
}

/// The counts of a pool's slots that do not fit into their 16 bits.
@usableFromInline
final class UseTotals: Sendable {
    /// Empty before the first count; otherwise one element for each bucket.
    let counts = Locked([Int]())
}
