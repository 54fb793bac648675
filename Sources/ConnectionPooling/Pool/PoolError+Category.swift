// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

extension PoolError {
    /// The answer that an error of a pool or of its database allows, the same for all pools.
    ///
    /// The errors of every pool have a property `category`, so that a service maps them to its own
    /// responses in one place. An error without a category is a fault of the program or of its
    /// data, or one that the categories do not describe.
    public enum Category: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
        /// The database cannot be reached, or the pool is closed or suspended. HTTP: 503.
        case unavailable
        /// The database or the pool has no capacity, or no time was left: too many waiters, a
        /// timeout, a lock that another transaction holds. HTTP: 503 with `Retry-After`.
        case busy
        /// The database refuses the operation, and would refuse it again: missing permissions, a
        /// read-only database, a violated constraint of the data itself. HTTP: 403 or 422.
        case refused
        /// The operation conflicts with another one: a unique key that exists, a serialization
        /// failure, a deadlock. HTTP: 409.
        case conflict

        /// The name of the category.
        public var description: String { rawValue }
    }
}

extension PoolError {
    /// The answer that the error allows; `nil` for a cancelled task and an invalid configuration.
    ///
    /// A caller that waited without success is `busy`, except if the pool was suspended, or made
    /// no connection because attempts failed: the database is `unavailable` then.
    public var category: Category? {
        switch code {
        case .timedOut: state == .suspended || underlying != nil ? .unavailable : .busy
        case .tooManyWaiters, .deadlock: .busy
        case .closed, .connectFailed: .unavailable
        default: nil
        }
    }
}
