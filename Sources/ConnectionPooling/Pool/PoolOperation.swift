// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

/// An operation that occupies a slot of a ``ConnectionPool``, so that callers may wait for it.
public struct PoolOperation: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of operation.
    public enum Kind: Hashable, Sendable {
        /// A connection attempt.
        case connect
        /// A test of an idle connection.
        case test
        /// A reset of a connection that a caller has returned.
        case reset
        /// A hook of the program, before or after a lease.
        case hook
        /// The close of a connection.
        case close
    }

    /// The kind of operation.
    public let kind: Kind

    /// The server of the connection, as named by the factory; `nil` if the factory names none.
    public let target: String?

    /// The time for which the operation has been running.
    public let duration: Duration

    /// The operation and its duration.
    public var description: String {
        let connection = target.map { "a connection to \($0)" } ?? "a connection"
        let operation =
            switch kind {
            case .connect: target.map { "a connection attempt to \($0)" } ?? "a connection attempt"
            case .test: "a test of \(connection)"
            case .reset: "a reset of \(connection)"
            case .hook: "a hook for \(connection)"
            case .close: "the close of \(connection)"
            }
        return "\(operation) has been running for \(duration)"
    }
}

/// The running operations of a pool, in the order of their starts.
final class RunningOperations: Sendable {
    private struct Entry {
        let kind: PoolOperation.Kind
        let began: UInt64
    }

    private struct State {
        /// The entries from number `first` on; `nil` if the operation has ended.
        var entries: [Entry?] = []
        var first = 0
        /// The index of the first entry that has not ended.
        var head = 0

        mutating func append(_ entry: Entry) -> Int {
            entries.append(entry)
            return first + entries.count - 1
        }

        mutating func remove(_ number: Int) {
            entries[number - first] = nil
            while head < entries.count, entries[head] == nil { head += 1 }
            if head * 2 < entries.count { return }
            entries.removeFirst(head)
            first += head
            head = 0
        }
    }

    private let state = Locked(State())

    /// Records the start of an operation. O(1).
    ///
    /// - Returns: Its number, for ``end(_:)``.
    func begin(_ kind: PoolOperation.Kind, at now: UInt64) -> Int {
        state.withLock { $0.append(Entry(kind: kind, began: now)) }
    }

    /// Records that an operation has ended, or that the pool no longer waits for it. Amortized
    /// O(1).
    func end(_ number: Int) { state.withLock { $0.remove(number) } }

    /// Returns the operation that has been running for the longest time; `nil` if there is none.
    ///
    /// - Parameters:
    ///   - kind: The kind of operation; `nil` for all kinds, which is O(1).
    ///   - target: The server of the connections.
    func longest(_ kind: PoolOperation.Kind? = nil, at now: UInt64, target: @autoclosure () -> String?)
        -> PoolOperation?
    {
        let entry = state.withLock { state in
            state.entries[state.head...].first { entry in entry != nil && (kind == nil || entry?.kind == kind) } ?? nil
        }
        guard let entry else { return nil }
        let duration = now > entry.began ? now - entry.began : 0
        return PoolOperation(kind: entry.kind, target: target(), duration: .nanoseconds(Int64(clamping: duration)))
    }
}
