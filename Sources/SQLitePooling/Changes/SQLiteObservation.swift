// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

internal import ConnectionPooling

/// The results of a query, again whenever what it reads has changed; from `observe` of a
/// ``SQLitePool``.
///
/// ```swift
/// for try await names in pool.observe("SELECT name FROM user ORDER BY name", as: String.self) {
///     show(names)
/// }
/// ```
///
/// The first result is the present one. A further one follows each commit of the pool after which
/// the result may differ, so that it may also be equal to the last: see
/// `removingDuplicates()`. A query runs when the iteration asks for an element, so
/// that a slow consumer skips results, and receives the newest.
///
/// The sequence ends when the pool is closed. An error ends it: that of the query, and
/// `CancellationError` for a cancelled task. Each iterator observes for itself, from its first
/// element on until it is released.
public struct SQLiteObservation<Result: Sendable>: AsyncSequence, Sendable {
    /// A result of the query: its rows.
    public typealias Element = Result
    /// `SQLiteError`, `PoolError`, `CancellationError`, or an error of a row's `init(from:)`.
    public typealias Failure = any Error

    fileprivate let pool: SQLitePool
    fileprivate let text: String
    fileprivate let pollInterval: Duration?
    fileprivate let timeout: Duration?
    fileprivate let caller: CallSite
    fileprivate let read: @Sendable (borrowing SQLiteConnection) throws -> Result
    fileprivate var areEqual: (@Sendable (Result, Result) -> Bool)?

    init(
        _ pool: SQLitePool,
        _ text: String,
        pollInterval: Duration?,
        timeout: Duration?,
        for caller: CallSite,
        _ read: @escaping @Sendable (borrowing SQLiteConnection) throws -> Result
    ) {
        self.pool = pool
        self.text = text
        self.pollInterval = pollInterval
        self.timeout = timeout
        self.caller = caller
        self.read = read
    }

    /// Returns an iterator that begins with the present result.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Returns a sequence without results that equal their predecessors.
    func removingDuplicates(by areEqual: @escaping @Sendable (Result, Result) -> Bool) -> Self {
        var copy = self
        copy.areEqual = areEqual
        return copy
    }

    /// An iterator over the results of a query.
    public struct Iterator: AsyncIteratorProtocol {
        private let observation: SQLiteObservation
        /// `nil` before the first element and after the end.
        private var subscription: ChangeSubscription?
        private var hasEnded = false
        /// The last result, if results are compared.
        private var last: Result?

        init(_ observation: SQLiteObservation) { self.observation = observation }

        /// Returns the next result; `nil` after the pool was closed, and after an error.
        ///
        /// Suspends until a commit may have changed the result, and the query has run on a reader.
        /// The first call waits for the writer, too.
        ///
        /// - Throws: As `pool.query`. `CancellationError` if the task is cancelled.
        public mutating func next() async throws -> Result? { try await next(isolation: #isolation) }

        /// Returns the next result. The same as ``next()``, for actor-isolated code.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Result? {
            if hasEnded { return nil }
            do {
                while let subscription = try await nextChange() {
                    let result = try await observation.read(for: subscription.buffer)
                    if let last, observation.areEqual?(last, result) == true { continue }
                    if observation.areEqual != nil { last = result }
                    return result
                }
            } catch {
                let isFirst = subscription == nil
                end()
                if !isFirst, (error as? PoolError)?.code == .closed { return nil }
                throw error
            }
            end()
            if Task.isCancelled { throw CancellationError() }
            return nil
        }

        /// Waits for a change of what the query reads; the first call only subscribes.
        ///
        /// - Returns: The subscription; `nil` at the end, or if the task is cancelled.
        private mutating func nextChange(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> ChangeSubscription? {
            if let subscription {
                return await subscription.buffer.next() == nil ? nil : subscription
            }
            // Before the first read, so that no change is missed.
            let new = try await observation.subscribe()
            subscription = new
            return new
        }

        private mutating func end() {
            hasEnded = true
            subscription = nil
            last = nil
        }
    }
}

extension SQLiteObservation {
    fileprivate func subscribe() async throws -> ChangeSubscription {
        let buffer = ChangeBuffer(tables: nil, rowLimit: 0)
        return try await pool.subscribe(buffer, polling: pollInterval, timeout: timeout, for: caller)
    }

    /// Runs the query, and limits the changes to those of what it reads.
    fileprivate func read(for buffer: ChangeBuffer) async throws -> Result {
        let (text, read) = (text, read)
        let needsRegion = buffer.needsRegion
        let deadline = SQLitePool.deadline(after: timeout)
        let (region, result) = try await pool.run(on: pool.readers, .snapshot, until: deadline, for: caller) {
            db -> (QueryRegion?, Result) in
            // Both use the same schema, because they run in one snapshot.
            let region = needsRegion ? try db.session.region(of: text) : nil
            return (region, try read(db))
        }
        if let region { buffer.limit(to: region) }
        return result
    }
}

extension SQLiteObservation where Result: Equatable {
    /// Returns the observation without results that equal their predecessors.
    ///
    /// - Complexity: Keeps a result, and compares it with each new one.
    public func removingDuplicates() -> Self { removingDuplicates { $0 == $1 } }
}

extension SQLiteObservation {
    /// Returns the observation without results that equal their predecessors, for rows of several
    /// columns.
    ///
    /// - Complexity: Keeps a result, and compares it with each new one.
    public func removingDuplicates<each Column: Equatable>() -> Self where Result == [(repeat each Column)] {
        removingDuplicates { one, other in
            one.elementsEqual(other) { (left: (repeat each Column), right: (repeat each Column)) in
                for (a, b) in repeat (each left, each right) {
                    if a != b { return false }
                }
                return true
            }
        }
    }
}
