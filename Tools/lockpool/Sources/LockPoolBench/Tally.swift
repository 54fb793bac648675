// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import Histogram
internal import Synchronization

/// The counts of all clients.
///
/// A client's number selects the shard that it writes to, so that clients on different threads
/// rarely contend for a lock.
final class Tally: Sendable {
    /// The result of one call of the pool.
    enum Call {
        case read
        case write
    }

    /// The figures of the clients that share a shard, or of all clients.
    struct Figures: Sendable {
        var checkouts = 0
        var rows = 0
        var waits = Figures.histogram()
        var reads = Figures.histogram()
        var writes = Figures.histogram()
        /// The number of occurrences of each error, by its message.
        var failures: [String: Int] = [:]
        /// Errors beyond the maximum number of messages.
        var furtherFailures = 0

        /// From a nanosecond to an hour, to three digits.
        private static func histogram() -> Histogram<UInt64> {
            Histogram(
                lowestDiscernibleValue: 1,
                highestTrackableValue: longestDuration,
                numberOfSignificantValueDigits: .three
            )
        }

        static let longestDuration: UInt64 = 3_600_000_000_000
        static let distinctFailures = 8
    }

    private final class Shard: Sendable {
        let figures = Mutex(Figures())
    }

    private let shards: [Shard]

    init(clients: Int) {
        shards = (0..<min(clients, 8)).map { _ in Shard() }
    }

    /// Counts a call that waited `wait` nanoseconds for its connection and used it for `use`.
    func count(_ call: Call, client: Int, wait: UInt64, use: UInt64, rows: Int) {
        withFigures(of: client) { figures in
            figures.checkouts += 1
            figures.rows += rows
            figures.waits.record(min(wait, Figures.longestDuration))
            switch call {
            case .read: figures.reads.record(min(use, Figures.longestDuration))
            case .write: figures.writes.record(min(use, Figures.longestDuration))
            }
        }
    }

    /// Counts a failed turn.
    func countFailure(_ message: String, client: Int) {
        withFigures(of: client) { figures in
            figures.note(message, count: 1)
        }
    }

    /// The number of checkouts and of errors so far.
    ///
    /// - Complexity: O(shards).
    var progress: (checkouts: Int, failures: Int) {
        var checkouts = 0
        var failures = 0
        for shard in shards {
            shard.figures.withLock { figures in
                checkouts += figures.checkouts
                failures += figures.failureCount
            }
        }
        return (checkouts, failures)
    }

    /// The figures of all clients.
    var total: Figures {
        var total = Figures()
        for shard in shards {
            shard.figures.withLock { total.add($0) }
        }
        return total
    }

    private func withFigures(of client: Int, _ body: (inout Figures) -> Void) {
        shards[client % shards.count].figures.withLock { body(&$0) }
    }
}

extension Tally.Figures {
    var failureCount: Int {
        failures.values.reduce(furtherFailures, +)
    }

    fileprivate mutating func note(_ message: String, count: Int) {
        if failures[message] != nil || failures.count < Self.distinctFailures {
            failures[message, default: 0] += count
        } else {
            furtherFailures += count
        }
    }

    fileprivate mutating func add(_ other: Self) {
        checkouts += other.checkouts
        rows += other.rows
        waits.add(other.waits)
        reads.add(other.reads)
        writes.add(other.writes)
        furtherFailures += other.furtherFailures
        for (message, count) in other.failures {
            note(message, count: count)
        }
    }
}
