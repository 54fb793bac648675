// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The records of all slots of a pool. The address of a record never changes.
@safe
final class ConnectionRecords: @unchecked Sendable {
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
        precondition(MemoryLayout<RecordStorage>.size <= RecordStorage.stride)
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
            byteCount: (count - first) * RecordStorage.stride,
            alignment: RecordStorage.stride
        )
        for index in 0..<count - first {
            unsafe (memory + index * RecordStorage.stride).initializeMemory(
                as: RecordStorage.self,
                to: RecordStorage(useTotals: useTotals)
            )
        }
        unsafe (segments + number).initialize(to: Segment(first: first, count: count - first, memory: memory))
        // Release: a thread that reads the new number finds the records.
        segmentCount.store(number + 1, ordering: .releasing)
    }

    deinit {
        for index in indices {
            self[index].useCounts?.deallocate()
            unsafe self[index].storage.deinitialize(count: 1)
        }
        for number in 0..<segmentCount.load(ordering: .relaxed) { unsafe segments[number].memory.deallocate() }
        unsafe segments.deallocate()
    }

    /// The durations of all uses. O(slots).
    var useTimes: DurationHistogram {
        useTotals.counts.withLock { totals in
            var (sums, total) = (totals.isEmpty ? DurationHistogram.noCounts : totals, UInt64(0))
            for index in indices {
                guard let counts = self[index].useCounts else { continue }
                counts.add(to: &sums)
                total &+= counts.sum
            }
            return DurationHistogram(counts: sums, total: total)
        }
    }

    func index(of record: ConnectionRecord) -> Int {
        for number in 0..<segmentCount.load(ordering: .acquiring) {
            let segment = unsafe segments[number]
            let offset = unsafe UnsafeMutableRawPointer(record.storage) - segment.memory
            if 0..<segment.count * RecordStorage.stride ~= offset {
                return segment.first + offset / RecordStorage.stride
            }
        }
        preconditionFailure("ConnectionPool: this record belongs to another pool.")
    }

    subscript(index: Int) -> ConnectionRecord {
        var number = segmentCount.load(ordering: .acquiring) - 1
        while unsafe segments[number].first > index { number -= 1 }
        let segment = unsafe segments[number]
        let storage = unsafe segment.memory + (index - segment.first) * RecordStorage.stride
        return unsafe ConnectionRecord(storage.assumingMemoryBound(to: RecordStorage.self))
    }
}
